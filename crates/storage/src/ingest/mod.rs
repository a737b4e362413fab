//! The write path of ingest: what a batch of deliveries reads, locks and
//! writes, in a fixed number of statements however many alerts it holds.
//!
//! The order of a batch is the order of its locks (rule 9): groups, then
//! senders, then series, the new ones before the known ones, each sorted;
//! whatever follows belongs to a series that is locked. The decisions are not
//! here but in core's judge and in the pipeline.

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
