//! Tocsin's use cases: what is done with deliveries and what people change.
//! Owns transactions and workers, and knows no HTTP.

pub mod acknowledge;
mod change;
pub mod directory;
pub mod resend;

pub use change::{ChangeError, FieldIssue};
