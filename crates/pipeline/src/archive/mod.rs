//! History in files: JSON Lines, compressed with zstd, one file for each UTC
//! day on which entries were received.
//!
//! Retention appends to them before it deletes (`write`); [`Importer`] reads
//! them back.

mod frames;
mod import;
mod lines;
mod write;

pub use import::{ImportError, ImportReport, Importer};
pub(crate) use write::Archive;
