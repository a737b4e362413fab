//! Forms that make or change one object of the API: sent once, and never over
//! what somebody else wrote meanwhile without asking.

mod conflict;
mod open;
mod submit;

pub use conflict::Sides;
pub use open::{Doing, Edited, open};
pub use submit::{Submit, body, use_submit};
