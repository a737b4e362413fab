//! Archive of the alert log in files: JSON Lines, compressed with zstd, one file per
//! UTC day of reception.
//!
//! Retention appends log entries before it deletes them (`write`); [`Importer`] reads
//! them back.

mod frames;
mod import;
mod lines;
mod write;

pub use import::{ImportError, ImportReport, Importer};
pub(crate) use write::Archive;
