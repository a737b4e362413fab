use yew::prelude::*;

/// One of a few choices.
pub struct Segment {
    pub label: AttrValue,
    pub chosen: bool,
    pub choose: Callback<()>,
}

/// A few choices side by side, of which one is in force.
pub fn segments(label: &'static str, items: &[Segment]) -> Html {
    html! {
        <div class="segments" role="group" aria-label={label}>
            { for items.iter().map(|item| html! {
                <button type="button" class="segment" aria-pressed={item.chosen.to_string()}
                    onclick={item.choose.reform(|_| ())}>
                    { item.label.clone() }
                </button>
            }) }
        </div>
    }
}
