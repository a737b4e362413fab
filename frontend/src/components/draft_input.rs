use web_sys::HtmlInputElement;
use yew::prelude::*;

/// An uncontrolled form input, read on submit.
#[derive(Properties, PartialEq)]
pub struct DraftInputProps {
    #[prop_or_default]
    pub id: Option<AttrValue>,
    pub name: AttrValue,
    pub kind: &'static str,
    /// Initial value.
    pub value: AttrValue,
    #[prop_or_default]
    pub placeholder: AttrValue,
    #[prop_or_default]
    pub label: Option<AttrValue>,
    #[prop_or(200)]
    pub maxlength: u32,
}

/// Keeps its draft across renders, which every live event causes: an `<input value=…>`
/// without state would be reset to its `value`. The draft is replaced only when `value`
/// itself changes, so text typed before the first effects run is kept too.
#[component]
pub fn DraftInput(props: &DraftInputProps) -> Html {
    let draft = use_state_eq(|| props.value.clone());
    let taken = use_mut_ref(|| props.value.clone());
    {
        let draft = draft.clone();
        use_effect_with(props.value.clone(), move |value| {
            if taken.replace(value.clone()) != *value {
                draft.set(value.clone());
            }
        });
    }
    let oninput = {
        let draft = draft.clone();
        move |event: InputEvent| {
            let typed = event.target_unchecked_into::<HtmlInputElement>().value();
            draft.set(typed.into());
        }
    };
    html! {
        <input id={props.id.clone()} name={props.name.clone()} type={props.kind} class="input input-sm"
            value={(*draft).clone()} placeholder={props.placeholder.clone()} aria-label={props.label.clone()}
            autocomplete="off" maxlength={props.maxlength.to_string()} {oninput} />
    }
}
