//! Log lines, on standard error: standard output is for results.
//!
//! A separate thread writes them. A closed or blocked reader, or a full disk, stops nothing else;
//! lines that do not fit into the queue are dropped and counted.

use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Libraries with unneeded messages at every start.
const QUIET: &str = "actix_server=warn";

/// Maximum number of queued lines; a line has a few hundred bytes.
const WAITING: usize = 8_192;

static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();
static WRITER: Mutex<Option<WorkerGuard>> = Mutex::new(None);

/// Starts logging. `TOCSIN_LOG` overrides `log.level`.
pub(crate) fn start(settings: &Settings) {
    let filter = EnvFilter::try_from_env("TOCSIN_LOG")
        // Validated with the settings.
        .unwrap_or_else(|_| EnvFilter::new(format!("{QUIET},{}", settings.log.level)));
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING)
        .thread_name("log")
        .finish(std::io::stderr());
    // Logging starts once.
    let _ = DROPPED.set(writer.error_counter());
    *WRITER.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // They would be written to standard error, which may be the cause.
        .log_internal_errors(false)
        .with_writer(writer);
    match settings.log.format {
        LogFormat::Text => builder.with_ansi(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

/// Number of dropped lines.
pub(crate) fn dropped() -> u64 {
    let dropped = DROPPED.get().map_or(0, ErrorCounter::dropped_lines);
    u64::try_from(dropped).unwrap_or(u64::MAX)
}

/// Writes queued lines, for a second at most.
pub(crate) fn finish() {
    drop(WRITER.lock().unwrap_or_else(PoisonError::into_inner).take());
}
