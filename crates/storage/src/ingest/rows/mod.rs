//! Rows written by a batch.

mod deliveries;
mod feed;
mod incidents;
mod log;
mod notifications;

use sea_orm::Value;
use tocsin_core::time::Timestamp;

pub use deliveries::{NewDelivery, insert_deliveries, insert_rejected};
pub use feed::insert_changes;
pub use incidents::{IncidentRow, insert_incidents, touch_incidents};
pub use log::{NewEntry, NewExpiry, insert_entries, insert_expired};
pub use notifications::{
    NewNotification, NewNotificationEvent, incident_threads, insert_notifications, thread_subjects,
};

pub(super) fn micros(time: Option<Timestamp>) -> Value {
    time.map(Timestamp::as_micros).into()
}

pub(super) fn count(number: usize) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}
