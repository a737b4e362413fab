//! The incidents: each firing episode once, with what is noisy above.

mod buckets;
mod listed;
mod panel;
mod stats;
mod timeline;
mod top;

use tocsin_api_types::Incident;
use yew::prelude::*;

use crate::list::ListPage;

/// The page, with one of the incidents opened.
pub fn incidents_page(selected: Option<i64>) -> Html {
    html! { <ListPage<Incident> {selected} /> }
}
