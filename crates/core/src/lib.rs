//! Tocsin's rules, pure: no I/O, no clock, no randomness, nothing asynchronous.
//!
//! [`parse`] reads a webhook body into [`alert::ReceivedAlert`]s (with [`normalize`] and
//! [`fingerprint`]), [`lifecycle`] applies each to its incident, and [`routing`] selects the groups
//! to notify. [`matcher`] is Alertmanager's matcher language, used by routes, by the API's filters
//! and by the browser; it is why this crate builds for wasm32.

pub mod alert;
pub mod digest;
pub mod fingerprint;
pub mod lifecycle;
pub mod matcher;
pub mod normalize;
pub mod parse;
pub mod routing;
pub mod search;
pub mod search_index;
pub mod stats;
pub mod time;
pub mod visibility;
