//! The incidents: each firing episode once, with what is noisy above.

mod buckets;
mod listed;
mod panel;
mod stats;
mod timeline;
mod top;

use tocsin_api_types::Incident;
use yew::prelude::*;

use super::empty::Empty;
use crate::{list::ListPage, query::Filter};
use stats::StatsStrip;

#[derive(Properties, PartialEq)]
pub struct IncidentsPageProps {
    /// The incident that is open.
    #[prop_or_default]
    pub selected: Option<i64>,
}

/// The page.
#[component]
pub fn IncidentsPage(props: &IncidentsPageProps) -> Html {
    let above = use_callback((), |(filter, change): (Filter, Callback<Filter>), ()| {
        html! { <StatsStrip {filter} {change} /> }
    });
    html! { <ListPage<Incident> selected={props.selected} {above} empty={html! { <Empty /> }} /> }
}
