//! Log lines, to standard error: standard output is for what a person asked.
//!
//! A thread of its own writes them. A reader that has gone or hangs, or a full disk,
//! holds up nothing else; lines for which there is no room then are dropped, and
//! counted.

use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Libraries that tell of every start what nobody asked.
const QUIET: &str = "actix_server=warn";

/// Lines that may wait to be written; one has a few hundred bytes.
const WAITING: usize = 8_192;

static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();
static WRITER: Mutex<Option<WorkerGuard>> = Mutex::new(None);

/// Starts logging. `TOCSIN_LOG` overrides `log.level`.
pub(crate) fn start(settings: &Settings) {
    let filter = EnvFilter::try_from_env("TOCSIN_LOG")
        // Checked with the settings.
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
        // They would be written to standard error, which may be what is wrong.
        .log_internal_errors(false)
        .with_writer(writer);
    match settings.log.format {
        LogFormat::Text => builder.with_ansi(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

/// Lines that were dropped so far.
pub(crate) fn dropped() -> u64 {
    let dropped = DROPPED.get().map_or(0, ErrorCounter::dropped_lines);
    u64::try_from(dropped).unwrap_or(u64::MAX)
}

/// Writes what still waits, for a second at most.
pub(crate) fn finish() {
    drop(WRITER.lock().unwrap_or_else(PoisonError::into_inner).take());
}
