use yew::prelude::*;
use yew_router::{Routable, hooks::use_navigator, query::Raw};

use crate::route::Route;

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
            if let (false, Some(navigator)) = (elsewhere, &navigator) {
                event.prevent_default();
                if query.is_empty() {
                    navigator.push(&to);
                } else {
                    // A raw query is not encoded, so nothing can go wrong in it.
                    let _ = navigator.push_with_query(&to, Raw(&query));
                }
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
