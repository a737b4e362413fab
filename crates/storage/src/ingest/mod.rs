//! The write path of ingest: what a batch of deliveries reads, locks and
//! writes, in a fixed number of statements however many alerts it holds.
//!
//! The order of a batch is the order of its locks (rule 9): groups, then
//! series, each sorted; whatever follows belongs to a series that is locked.
//! The decisions are not here but in core's judge and in the pipeline.

mod bulk;
mod content;
mod groups;
mod ids;
mod rows;
mod senders;
mod series;

pub use content::{AnnotationSet, LabelSet, put_annotation_sets, put_label_sets};
pub use groups::{GroupState, NewGroup, lock_groups, save_groups};
pub use ids::{Ids, Numbered};
pub use rows::{
    IncidentRow, MailRow, NewDelivery, NewEntry, NewEvent, OwedEvent, put_changes, put_deliveries,
    put_entries, put_events, put_incidents, put_mails, put_refused, thread_subjects,
};
pub use senders::{SenderKey, put_senders};
pub use series::{
    MemoryKey, SeriesKey, SeriesState, load_memories, lock_series, put_series, save_last_incidents,
    save_memories,
};
