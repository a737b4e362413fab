//! The write path of ingest: what a batch of deliveries reads, locks and
//! writes, in a fixed number of statements however many alerts it holds.
//!
//! The order of a batch is the order of its locks (rule 9): groups, then
//! senders, then series, the new ones before the known ones, each sorted;
//! whatever follows belongs to a series that is locked. The decisions are not
//! here but in core's judge and in the pipeline.

mod bulk;
mod groups;
mod held;
mod ids;
mod rows;
mod senders;
mod series;
mod tellings;
mod told;

pub use crate::acknowledge::series_of;
pub use groups::{GroupState, NewGroup, lock_groups, save_groups};
pub use held::{release_held, withdraw_held};
pub use ids::{Ids, Numbered};
pub use rows::{
    IncidentRow, MailRow, NewDelivery, NewEntry, NewExpired, OwedEvent, incident_threads,
    put_changes, put_deliveries, put_entries, put_expired, put_incidents, put_mails, put_refused,
    see_again, thread_subjects,
};
pub use senders::{SenderKey, put_senders};
pub use series::{
    Content, Facts, KnownSeries, Latest, NewSeries, find_series, latest_incidents, lock_series,
    put_series,
};
pub use tellings::{NewTelling, first_told, put_tellings};
