//! Log lines, to standard error: standard output is for what a person asked.

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Libraries that tell of every start what nobody asked.
const QUIET: &str = "actix_server=warn";

/// Starts logging. `TOCSIN_LOG` overrides `log.level`.
pub(crate) fn start(settings: &Settings) {
    let filter = EnvFilter::try_from_env("TOCSIN_LOG")
        // Checked with the settings.
        .unwrap_or_else(|_| EnvFilter::new(format!("{QUIET},{}", settings.log.level)));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match settings.log.format {
        LogFormat::Text => builder.with_ansi(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}
