//! The rows that a batch writes.

mod deliveries;
mod feed;
mod incidents;
mod log;
mod mails;

use sea_orm::Value;
use tocsin_core::time::Timestamp;

pub use deliveries::{NewDelivery, put_deliveries, put_refused};
pub use feed::put_changes;
pub use incidents::{IncidentRow, put_incidents, see_again};
pub use log::{NewEntry, NewExpired, put_entries, put_expired};
pub use mails::{MailRow, OwedEvent, incident_threads, put_mails, thread_subjects};

pub(super) fn micros(time: Option<Timestamp>) -> Value {
    time.map(Timestamp::as_micros).into()
}

pub(super) fn count(number: usize) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}
