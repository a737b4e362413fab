//! Components and view functions used by several pages.
//!
//! Anything without state is a function, not a component: each component adds a few
//! kilobytes to the download.

mod badges;
mod checkbox_group;
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

pub use badges::{ack_mark, notification_badge, severity, state_badge, status_badge};
pub use checkbox_group::CheckboxGroup;
pub use close_dialog::CloseDialog;
pub use confirm::ConfirmDialog;
pub use copy::code_box;
pub use dialog::Dialog;
pub use draft_input::DraftInput;
pub use failure::failure;
pub use field::{PasswordField, TextField, check_field, select_field};
pub use icon::{IconName, icon};
pub use link::RouteLink;
pub use matchers::{Matchers, matcher_list, non_empty_lines};
pub use popover::Popover;
pub use segments::{Segment, segments};
pub use time::{duration, exact_time, time};
