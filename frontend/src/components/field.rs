use web_sys::HtmlInputElement;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct TextFieldProps {
    /// Distinguishes the field on its page.
    pub id: AttrValue,
    pub label: AttrValue,
    pub value: AttrValue,
    pub change: Callback<String>,
    /// What is wrong with it.
    #[prop_or_default]
    pub error: Option<String>,
    /// What it is for.
    #[prop_or_default]
    pub hint: AttrValue,
    #[prop_or(AttrValue::Static("text"))]
    pub kind: AttrValue,
    #[prop_or_default]
    pub placeholder: AttrValue,
    #[prop_or_default]
    pub list: Option<AttrValue>,
    #[prop_or_default]
    pub autofocus: bool,
    #[prop_or(100)]
    pub maxlength: u32,
}

/// A line of text with its label, its hint and what is wrong with it.
#[component]
pub fn TextField(props: &TextFieldProps) -> Html {
    let change = props.change.clone();
    let oninput = move |event: InputEvent| {
        change.emit(event.target_unchecked_into::<HtmlInputElement>().value());
    };
    let (error_id, hint_id) = (format!("{}-error", props.id), format!("{}-hint", props.id));
    let described = match (&props.error, props.hint.is_empty()) {
        (Some(_), _) => Some(error_id.clone()),
        (None, false) => Some(hint_id.clone()),
        (None, true) => None,
    };
    html! {
        <div class="field">
            <label for={props.id.clone()}>{ props.label.clone() }</label>
            <input id={props.id.clone()} class={classes!("input", "w-full", props.error.is_some().then_some("input-error"))}
                type={props.kind.clone()} value={props.value.clone()} placeholder={props.placeholder.clone()}
                list={props.list.clone()} autofocus={props.autofocus} maxlength={props.maxlength.to_string()}
                autocomplete="off" aria-describedby={described}
                aria-invalid={props.error.is_some().then_some("true")} {oninput} />
            if let Some(error) = &props.error {
                <p id={error_id} class="field-error">{ error }</p>
            } else if !props.hint.is_empty() {
                <p id={hint_id} class="field-hint">{ props.hint.clone() }</p>
            }
        </div>
    }
}

#[derive(Properties, PartialEq)]
pub struct CheckFieldProps {
    pub label: AttrValue,
    pub checked: bool,
    pub change: Callback<bool>,
    #[prop_or_default]
    pub hint: AttrValue,
}

/// A yes or no with its label.
#[component]
pub fn CheckField(props: &CheckFieldProps) -> Html {
    let change = props.change.clone();
    let onchange = move |event: Event| {
        change.emit(event.target_unchecked_into::<HtmlInputElement>().checked());
    };
    html! {
        <label class="check-field">
            <input type="checkbox" class="checkbox checkbox-sm" checked={props.checked} {onchange} />
            <span>
                { props.label.clone() }
                if !props.hint.is_empty() {
                    <span class="field-hint block">{ props.hint.clone() }</span>
                }
            </span>
        </label>
    }
}
