//! What the panels of an incident and of a log entry share.

mod ack_box;
mod facts;
mod frame;
mod history;
mod labels;

pub use ack_box::AckBox;
pub use facts::{Fact, Facts};
pub use frame::Frame;
pub use history::{History, reason_text};
pub use labels::{LabelTable, SafeLink};
