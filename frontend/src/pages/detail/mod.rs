//! Shared parts of the incident and log entry panels.

mod ack_box;
mod frame;
mod history;
mod labels;

pub use ack_box::AckBox;
pub use frame::Frame;
pub use history::{history, reason_text};
pub use labels::{label_table, safe_link};
