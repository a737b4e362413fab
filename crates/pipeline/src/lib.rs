//! Use cases of Tocsin: ingest alerts, send notifications, apply user changes.
//!
//! This crate owns the transactions and the background workers; it does not know HTTP.
//! The path of an alert, module by module:
//!
//! * [`ingest`]: turns a webhook body into a stored delivery. One transaction holds its
//!   log entries, incident transitions and planned notifications.
//! * `outbox`: renders and sends queued notifications and records every attempt.
//! * `feed`: passes stored changes on to open event streams.
//! * `projector`: updates statistics and the search index from stored rows.
//! * [`acknowledge`], [`directory`], `resend`: user changes. [`accounts`]: users,
//!   sessions and API tokens. [`idempotency`]: retried requests. Each change writes an
//!   audit log entry ([`Actor`]) in its transaction.
//! * `timers`: incident transitions that depend on time alone.
//! * `retention`: deletes old rows. [`archive`]: writes log entries to files before
//!   they are deleted, and imports them again.

pub mod accounts;
pub mod acknowledge;
mod actor;
pub mod archive;
pub mod change;
mod clock;
pub mod directory;
mod feed;
pub mod idempotency;
pub mod ingest;
mod mail_content;
mod message_ids;
mod outbox;
mod pipeline;
mod projector;
mod resend;
mod retention;
mod settings;
mod test_alert;
mod timers;

pub use actor::{Actor, AuditEntry};
pub use change::{ChangeError, Expected, FieldIssue};
pub use clock::{Clock, SystemClock};
pub use idempotency::{Created, IdempotentRequest};
pub use ingest::{IngestError, IngestReport, QueuePermit, RejectedRequest, Webhook};
pub use message_ids::MessageIds;
pub use outbox::MailHealth;
pub use pipeline::Pipeline;
pub use retention::RetentionSettings;
pub use settings::PipelineSettings;
pub use test_alert::TestAlert;
