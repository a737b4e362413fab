//! The log: every alert as it was told, for good.

mod listed;
mod panel;
mod refused;

use tocsin_api_types::Alert;
use yew::prelude::*;

use super::empty::Empty;
use crate::list::ListPage;
use refused::Refused;

#[derive(Properties, PartialEq)]
pub struct LogPageProps {
    /// The entry that is open.
    #[prop_or_default]
    pub selected: Option<i64>,
}

/// The page.
#[component]
pub fn LogPage(props: &LogPageProps) -> Html {
    let above = use_callback((), |_, ()| html! { <Refused /> });
    let empty = html! { <><Refused /><Empty /></> };
    html! { <ListPage<Alert> selected={props.selected} {above} {empty} /> }
}
