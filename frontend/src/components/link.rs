use yew::prelude::*;
use yew_router::{Routable, hooks::use_navigator};

use crate::route::{Route, go};

#[derive(Properties, PartialEq)]
pub struct RouteLinkProps {
    pub to: Route,
    /// Query string without `?`.
    #[prop_or_default]
    pub query: AttrValue,
    pub children: Html,
    #[prop_or_default]
    pub class: Classes,
    /// The link points to the current page.
    #[prop_or_default]
    pub current: bool,
}

/// A link within the application. Followed without a page load where possible; relative
/// to the `<base>`, so that it also works in a new tab.
#[component]
pub fn RouteLink(props: &RouteLinkProps) -> Html {
    let navigator = use_navigator();
    let onclick = {
        let (to, query) = (props.to, props.query.clone());
        move |event: MouseEvent| {
            let elsewhere = event.ctrl_key() || event.meta_key() || event.shift_key();
            // Pages of the other program need a page load.
            if let (false, true, Some(navigator)) =
                (elsewhere, to.is_in_current_program(), &navigator)
            {
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
