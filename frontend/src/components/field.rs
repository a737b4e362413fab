use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::{IconName, icon};
use crate::i18n::use_words;

/// A text input with label, hint and error.
pub struct TextField {
    pub id: AttrValue,
    pub label: AttrValue,
    pub value: AttrValue,
    pub change: Callback<String>,
    pub error: Option<String>,
    pub hint: AttrValue,
    pub kind: &'static str,
    pub placeholder: AttrValue,
    /// ID of a `datalist` with suggestions.
    pub list: Option<AttrValue>,
    pub autofocus: bool,
    pub maxlength: u32,
    pub autocomplete: &'static str,
    /// Content at the end of the line, for example a button.
    pub beside: Html,
}

impl Default for TextField {
    fn default() -> Self {
        Self {
            id: AttrValue::default(),
            label: AttrValue::default(),
            value: AttrValue::default(),
            change: Callback::noop(),
            error: None,
            hint: AttrValue::default(),
            kind: "text",
            placeholder: AttrValue::default(),
            list: None,
            autofocus: false,
            maxlength: 100,
            autocomplete: "off",
            beside: Html::default(),
        }
    }
}

impl TextField {
    pub fn draw(self) -> Html {
        let change = self.change;
        let oninput = move |event: InputEvent| {
            change.emit(event.target_unchecked_into::<HtmlInputElement>().value());
        };
        let (error_id, hint_id) = (format!("{}-error", self.id), format!("{}-hint", self.id));
        let described = match (&self.error, self.hint.is_empty()) {
            (Some(_), _) => Some(error_id.clone()),
            (None, false) => Some(hint_id.clone()),
            (None, true) => None,
        };
        let wrong = self.error.is_some();
        html! {
            <div class="field">
                <label for={self.id.clone()}>{ self.label }</label>
                <div class="field-line">
                    <input id={self.id} class={classes!("input", "w-full", wrong.then_some("input-error"))}
                        type={self.kind} value={self.value} placeholder={self.placeholder} list={self.list}
                        autofocus={self.autofocus} maxlength={self.maxlength.to_string()} autocomplete={self.autocomplete}
                        aria-describedby={described} aria-invalid={wrong.then_some("true")} {oninput} />
                    { self.beside }
                </div>
                if let Some(error) = self.error {
                    <p id={error_id} class="field-error">{ error }</p>
                } else if !self.hint.is_empty() {
                    <p id={hint_id} class="field-hint">{ self.hint }</p>
                }
            </div>
        }
    }
}

/// A password input with a show/hide button.
#[derive(Properties, PartialEq)]
pub struct PasswordFieldProps {
    pub id: AttrValue,
    pub label: AttrValue,
    pub value: AttrValue,
    pub change: Callback<String>,
    #[prop_or_default]
    pub error: Option<String>,
    #[prop_or_default]
    pub hint: AttrValue,
    /// A new password instead of the current one.
    #[prop_or_default]
    pub new: bool,
    #[prop_or_default]
    pub autofocus: bool,
}

#[component]
pub fn PasswordField(props: &PasswordFieldProps) -> Html {
    let words = use_words();
    let shown = use_state_eq(|| false);
    let onclick = {
        let shown = shown.clone();
        move |_| shown.set(!*shown)
    };
    let label = if *shown {
        words.account.password_hide
    } else {
        words.account.password_show
    };
    let picture = if *shown {
        IconName::EyeOff
    } else {
        IconName::Eye
    };
    TextField {
        id: props.id.clone(),
        label: props.label.clone(),
        value: props.value.clone(),
        change: props.change.clone(),
        error: props.error.clone(),
        hint: props.hint.clone(),
        autofocus: props.autofocus,
        kind: if *shown { "text" } else { "password" },
        // The server rejects a password that is too long; truncating it here would
        // change it.
        maxlength: 4096,
        autocomplete: if props.new {
            "new-password"
        } else {
            "current-password"
        },
        beside: html! {
            <button type="button" class="icon-btn field-eye" aria-label={label} title={label}
                aria-pressed={shown.to_string()} {onclick}>{ icon(picture) }</button>
        },
        ..TextField::default()
    }
    .draw()
}

/// A check box with its label.
pub fn check_field(
    label: &'static str,
    hint: &'static str,
    checked: bool,
    change: Callback<bool>,
) -> Html {
    let onchange = move |event: Event| {
        change.emit(event.target_unchecked_into::<HtmlInputElement>().checked());
    };
    html! {
        <label class="check-field">
            <input type="checkbox" class="checkbox checkbox-sm" {checked} {onchange} />
            <span>
                { label }
                if !hint.is_empty() {
                    <span class="field-hint block">{ hint }</span>
                }
            </span>
        </label>
    }
}

/// A `<select>` of (code, text) choices.
pub fn select_field(
    id: &'static str,
    label: &'static str,
    choices: &[(&str, &str)],
    chosen: &str,
    change: Callback<String>,
) -> Html {
    let onchange = move |event: Event| {
        change.emit(event.target_unchecked_into::<HtmlSelectElement>().value());
    };
    html! {
        <div class="field">
            <label for={id}>{ label }</label>
            <select {id} class="select w-full" {onchange}>
                { for choices.iter().map(|(code, text)| html! {
                    <option value={(*code).to_owned()} selected={*code == chosen}>{ *text }</option>
                }) }
            </select>
        </div>
    }
}
