//! The log: every alert as it was told, for good.

mod listed;
mod panel;
mod troubles;

use tocsin_api_types::Alert;
use yew::prelude::*;

use crate::list::ListPage;

/// The page, with one of the entries opened.
pub fn log_page(selected: Option<i64>) -> Html {
    html! { <ListPage<Alert> {selected} /> }
}
