//! The incidents page: list and statistics.

mod buckets;
mod list_item;
mod panel;
mod stats;
mod timeline;
mod top;

use tocsin_api_types::Incident;
use yew::prelude::*;

use crate::list::ListPage;

pub fn incidents_page(selected: Option<i64>) -> Html {
    html! { <ListPage<Incident> {selected} /> }
}
