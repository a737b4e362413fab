use web_sys::{FocusOptions, HtmlElement};
use yew::prelude::*;

use crate::{
    components::{IconName, icon},
    i18n::use_words,
    list::{scroll, use_list_actions},
};

#[derive(Properties, PartialEq)]
pub struct FrameProps {
    pub kind: AttrValue,
    /// Empty while loading.
    pub title: AttrValue,
    pub children: Html,
}

/// The panel next to a list; on a phone, over it.
#[component]
pub fn Frame(props: &FrameProps) -> Html {
    let words = use_words();
    let heading = use_node_ref();
    {
        let heading = heading.clone();
        use_effect_with((), move |()| {
            // On a phone the panel replaces the list and starts at its top.
            if scroll::is_phone() {
                scroll::to_top();
            }
            if let Some(heading) = heading.cast::<HtmlElement>() {
                let still = FocusOptions::new();
                still.set_prevent_scroll(true);
                // Moves screen readers to the panel; without focus it is still
                // displayed.
                let _ = heading.focus_with_options(&still);
            }
        });
    }
    let close = use_list_actions().map(|actions| actions.close.reform(|_: MouseEvent| ()));
    html! {
        <aside class="panel" aria-label={props.kind.clone()}>
            <header class="panel-head">
                <div class="grow min-w-0">
                    <p class="panel-kind">{ props.kind.clone() }</p>
                    <h2 ref={heading} tabindex="-1" class="panel-title">{ props.title.clone() }</h2>
                </div>
                <button type="button" class="icon-btn" aria-label={words.common.close} title={words.common.close} onclick={close}>
                    { icon(IconName::Close) }
                </button>
            </header>
            <div class="panel-body">{ props.children.clone() }</div>
        </aside>
    }
}
