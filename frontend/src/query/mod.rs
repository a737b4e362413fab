//! Filters, and their query strings for the URL and the API. Pure, so that they are
//! tested on the host.

mod encode;
mod filter;
mod matcher;
mod parse;
mod range;

pub use encode::{pairs, push_pair};
pub use filter::{Field, Filter, Sort, Term};
pub use matcher::{looks_like_matcher, split_matcher, write_matcher};
pub use range::{Preset, Range};
