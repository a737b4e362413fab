//! The pages.

mod detail;
mod empty;
mod incidents;
mod log;
mod recipients;

pub use incidents::incidents_page;
pub use log::log_page;
pub use recipients::RecipientsPage;
