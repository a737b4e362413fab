//! Source adapters: parse a posted body into [`crate::alert`]'s types.
//!
//! [`alertmanager()`] documents the lenient parts, with reasons.

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
