use yew::prelude::*;

pub struct Segment {
    pub label: AttrValue,
    pub chosen: bool,
    pub choose: Callback<()>,
}

/// A segmented control: a few choices, one of them selected.
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
