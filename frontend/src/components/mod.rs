//! Small parts that every page is made of.
//!
//! What needs no state of its own is a function and not a component: each
//! component costs the download some kilobytes.

mod badges;
mod choices;
mod close_dialog;
mod confirm;
mod copy;
mod dialog;
mod draft_input;
mod failure;
mod field;
mod icon;
mod link;
mod matchers;
mod popover;
mod segments;
mod time;

pub use badges::{ack_mark, mail_state, severity, state_badge, status_badge};
pub use choices::Choices;
pub use close_dialog::CloseDialog;
pub use confirm::ConfirmDialog;
pub use copy::code_box;
pub use dialog::Dialog;
pub use draft_input::DraftInput;
pub use failure::failure;
pub use field::{PasswordField, TextField, check_field, select_field};
pub use icon::{IconName, icon};
pub use link::RouteLink;
pub use matchers::{Matchers, matcher_list, written};
pub use popover::Popover;
pub use segments::{Segment, segments};
pub use time::{duration, exact_time, time};
