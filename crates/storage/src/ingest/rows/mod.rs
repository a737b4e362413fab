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
pub use incidents::{IncidentRow, put_incidents};
pub use log::{NewEntry, NewEvent, put_entries, put_events};
pub use mails::{MailRow, OwedEvent, put_mails, thread_subjects};

pub(super) fn micros(time: Option<Timestamp>) -> Value {
    time.map(Timestamp::as_micros).into()
}

pub(super) fn count(number: usize) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}
