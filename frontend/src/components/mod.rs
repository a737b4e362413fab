//! Small parts that every page is made of.

mod badges;
mod choices;
mod copy;
mod delete;
mod dialog;
mod failure;
mod field;
mod icon;
mod link;
mod mail_state;
mod name;
mod popover;
mod segments;
mod time;

pub use badges::{AckMark, Severity, StateBadge, StatusBadge};
pub use choices::Choices;
pub use copy::CopyButton;
pub use delete::DeleteDialog;
pub use dialog::Dialog;
pub use failure::Failure;
pub use field::{CheckField, TextField};
pub use icon::{Icon, IconName};
pub use link::RouteLink;
pub use mail_state::MailState;
pub use name::NameDialog;
pub use popover::Popover;
pub use segments::{Segment, Segments};
pub use time::{Duration, Time};
