//! Ingest: from a webhook body to a durable delivery.
//!
//! ```text
//! ingest() → parse, compress      in the caller's task, so on every core
//!          → queue                bounded in bytes; full means 503
//!          → writer               takes all that waits into one transaction
//!          → report               only after the commit (rule 1)
//! ```

mod batch;
mod incoming;
mod judging;
mod known;
mod mails;
mod owing;
mod plan;
mod queue;
mod report;
mod rows;
mod standings;
mod writer;

pub use queue::{Ingest, IngestError, Refusal, Space, Webhook};
pub use report::IngestReport;
pub use standings::Standings;
pub(crate) use writer::{Context, spawn_writers};
