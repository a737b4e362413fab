//! What the list pages share: filters in the address bar, rows that renew
//! themselves without jumping, selection, keys, acknowledging.

mod actions;
mod add_filter;
mod address;
mod bulk;
mod chips;
mod export;
mod filter_bar;
pub mod form;
mod keys;
mod listed;
mod matching;
mod model;
pub mod moves;
mod none;
mod page;
mod pager;
mod quick;
mod row;
mod rows;
mod selection;
mod sort;
mod table;
mod time_range;
mod value;

pub use actions::{ListActions, use_list_actions};
pub use chips::range_text;
pub use export::export_links;
pub use listed::Listed;
pub use page::ListPage;
pub use pager::{Pager, pager};
pub use time_range::time_range;
pub use value::Value;
