//! History outside the database: retention writes it before it deletes rows, and `tocsin
//! import` reads it back.
//!
//! A line of an archive is one log entry with everything it refers to, so that any line can
//! be restored by itself. Raw bodies and notifications are not archived.

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
