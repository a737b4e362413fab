//! Tocsin's use cases: ingest and deliver, and what people change.
//!
//! This crate owns the transactions and the workers; it knows no HTTP. The way
//! of an alert, in the order of the modules:
//!
//! * [`ingest`]: a webhook body becomes a durable delivery. One transaction
//!   holds its log entries, incident transitions, and the mail that it owes.
//! * `outbox`: mails that are owed are rendered and sent, with every attempt
//!   on record.
//! * `feed`: what changed is passed on to whoever listens.
//! * `folding`: statistics and the search index keep up with what is stored.
//! * [`acknowledge`], [`directory`], [`resend`]: what people do;
//!   [`accounts`]: who may; [`once`]: a request that is sent again. Each writes a
//!   line of the audit log ([`Actor`]) in its transaction.
//! * `timers`: what becomes of incidents as time goes by.
//! * `retention`: what is kept for a time only; [`archive`]: where it is written
//!   before it goes, and how it is read back.

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
