//! Shared parts of the list pages: filters in the URL, live rows that do not jump,
//! selection, keyboard shortcuts, acknowledging.

mod actions;
mod add_filter;
mod bulk;
mod chips;
mod empty_state;
mod export;
mod filter_bar;
pub mod form;
mod keys;
mod list_item;
mod location;
mod matching;
mod model;
mod page;
mod pager;
mod quick;
mod row;
mod rows;
pub mod scroll;
mod selection;
mod sort;
mod table;
mod time_range;
mod value;

pub use actions::{ListActions, use_list_actions};
pub use chips::range_text;
pub use export::export_links;
pub use list_item::ListItem;
pub use page::ListPage;
pub use pager::{Pager, pager};
pub use time_range::time_range;
pub use value::Value;
