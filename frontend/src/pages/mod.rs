//! The pages.

mod detail;
mod empty;
mod incidents;
mod log;
mod recipients;

pub use incidents::IncidentsPage;
pub use log::LogPage;
pub use recipients::RecipientsPage;
