//! Everything around the page: header, banners, shortcuts.

mod account_menu;
mod banners;
mod header;
mod help;
mod live_badge;
mod settings;

pub use banners::banners;
pub use header::Header;
pub use help::use_shortcuts;
