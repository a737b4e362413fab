//! Ingest: turns a webhook body into a stored delivery.
//!
//! ```text
//! ingest() → parse, compress      in the caller's task, so on every core
//!          → queue                bounded in bytes; full means 503
//!          → writer               stores all queued deliveries in one transaction
//!          → report               only after the commit
//! ```

mod alert_cache;
mod batch;
mod batch_state;
mod notification_plan;
mod notifications;
mod pending;
mod prepared;
mod queue;
mod report;
mod routing_table;
mod rows;
mod writer;

pub use alert_cache::AlertCache;
pub use queue::{Ingest, IngestError, QueuePermit, RejectedRequest, Webhook};
pub use report::IngestReport;
pub(crate) use writer::{Context, spawn_writers};
