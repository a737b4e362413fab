//! The write path of ingest: the reads, locks and writes of a batch of deliveries, in a
//! fixed number of statements for any number of alerts.
//!
//! A batch locks in a fixed order, which prevents deadlocks: groups, then senders, then new
//! alerts, then stored alerts, each sorted. All other rows belong to a locked alert. The
//! decisions are made elsewhere: in `lifecycle` of the core crate and in the pipeline.

mod alerts;
mod bulk;
mod contents;
mod groups;
mod held;
mod ids;
mod rows;
mod sender_states;
mod senders;

pub use crate::acknowledge::alerts_of_incidents;
pub use alerts::{
    FilterFields, LatestIncident, NewAlert, NewAlertContent, StoredAlert, find_alerts,
    insert_alerts, latest_incidents, lock_alerts,
};
pub use contents::{NewContentVersion, alert_identities, insert_contents};
pub use groups::{GroupState, NewGroup, lock_groups, save_groups};
pub use held::{release_held, withdraw_held};
pub use ids::{IdTable, Ids};
pub use rows::{
    IncidentRow, NewDelivery, NewEntry, NewExpiry, NewNotification, NewNotificationEvent,
    incident_threads, insert_changes, insert_deliveries, insert_entries, insert_expired,
    insert_incidents, insert_notifications, insert_rejected, thread_subjects, touch_incidents,
};
pub use senders::{SenderKey, insert_senders};
