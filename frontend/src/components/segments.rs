use yew::prelude::*;

/// One of a few choices.
#[derive(Clone, PartialEq)]
pub struct Segment {
    pub label: AttrValue,
    pub chosen: bool,
    pub choose: Callback<()>,
}

#[derive(Properties, PartialEq)]
pub struct SegmentsProps {
    /// What is chosen here.
    pub label: AttrValue,
    pub items: Vec<Segment>,
}

/// A few choices side by side, of which one is in force.
#[component]
pub fn Segments(props: &SegmentsProps) -> Html {
    html! {
        <div class="segments" role="group" aria-label={props.label.clone()}>
            { for props.items.iter().map(|item| html! {
                <button type="button" class="segment" aria-pressed={item.chosen.to_string()}
                    onclick={item.choose.reform(|_| ())}>
                    { item.label.clone() }
                </button>
            }) }
        </div>
    }
}
