//! The log page: every alert as received.

mod delivery_warnings;
mod list_item;
mod panel;

use tocsin_api_types::Alert;
use yew::prelude::*;

use crate::list::ListPage;

pub fn log_page(selected: Option<i64>) -> Html {
    html! { <ListPage<Alert> {selected} /> }
}
