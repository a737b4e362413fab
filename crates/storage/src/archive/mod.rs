//! History outside the database: what retention writes before it deletes, and
//! what `tocsin import` reads back.
//!
//! A line of an archive is one log entry with all that it points to, so that
//! any line can be restored by itself. Raw bodies and mails are not in it.

mod contents;
mod incident;
mod read;
mod record;
mod restore;
mod rows;

pub use read::{Archived, incidents, read};
pub use record::{
    ArchivedContent, ArchivedDelivery, ArchivedEntry, ArchivedEvent, ArchivedIncident, VERSION,
};
pub use restore::{Line, Restored, Restorer, counted, note_counted};
