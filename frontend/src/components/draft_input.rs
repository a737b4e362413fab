use web_sys::HtmlInputElement;
use yew::prelude::*;

/// An input of a form that is read when the form is submitted.
#[derive(Properties, PartialEq)]
pub struct DraftInputProps {
    #[prop_or_default]
    pub id: Option<AttrValue>,
    /// Its name in the form.
    pub name: AttrValue,
    pub kind: &'static str,
    /// What applies now, which the draft starts with.
    pub value: AttrValue,
    #[prop_or_default]
    pub placeholder: AttrValue,
    #[prop_or_default]
    pub label: Option<AttrValue>,
    #[prop_or(200)]
    pub maxlength: u32,
}

/// Keeps what is typed when the page is rendered again, as every live event does: an
/// `<input value=…>` without state is then set back to its `value`. The draft gives
/// way only to another `value`: what is typed before the first effects run stays too.
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
