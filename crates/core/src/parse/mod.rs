//! Source adapters: what a sender posts, read into [`crate::alert`]'s types.
//!
//! What is taken leniently, and why, stands with [`alertmanager()`].

mod alertmanager;
mod bounds;
mod error;
mod json;
mod sanitize;
mod tolerant;
mod wire;

pub use alertmanager::{MAX_ALERTS, alertmanager};
pub use bounds::{MAX_ALERT, MAX_VALUE, OMITTED};
pub use error::ParseError;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
