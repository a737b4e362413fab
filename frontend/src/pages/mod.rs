//! The pages.

mod account;
mod admin;
mod detail;
mod empty;
mod entry;
mod incidents;
mod log;
mod recipients;

pub use account::AccountPage;
pub use admin::admin_page;
pub use entry::{SetUpPage, SignInAgain, SignInPage};
pub use incidents::incidents_page;
pub use log::log_page;
pub use recipients::RecipientsPage;
