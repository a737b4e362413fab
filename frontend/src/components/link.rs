use yew::prelude::*;
use yew_router::{Routable, hooks::use_navigator};

use crate::route::{Route, go};

#[derive(Properties, PartialEq)]
pub struct RouteLinkProps {
    pub to: Route,
    /// The query, without its `?`.
    #[prop_or_default]
    pub query: AttrValue,
    pub children: Html,
    #[prop_or_default]
    pub class: Classes,
    /// It leads to the page that is shown.
    #[prop_or_default]
    pub current: bool,
}

/// A link to a page of ours: followed without loading the program anew, and
/// relative to the page's base, so that the browser can open it elsewhere too.
#[component]
pub fn RouteLink(props: &RouteLinkProps) -> Html {
    let navigator = use_navigator();
    let onclick = {
        let (to, query) = (props.to, props.query.clone());
        move |event: MouseEvent| {
            let elsewhere = event.ctrl_key() || event.meta_key() || event.shift_key();
            // What the other program has, the browser loads.
            if let (false, true, Some(navigator)) = (elsewhere, to.is_here(), &navigator) {
                event.prevent_default();
                go(navigator, to, &query, false);
            }
        }
    };
    let mut href = props.to.to_path().trim_start_matches('/').to_owned();
    if !props.query.is_empty() {
        href = format!("{href}?{}", props.query);
    }
    html! {
        <a class={props.class.clone()} {href} {onclick} aria-current={props.current.then_some("page")}>
            { props.children.clone() }
        </a>
    }
}
