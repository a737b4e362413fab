use web_sys::HtmlInputElement;
use yew::prelude::*;

/// A line of text with its label, its hint and what is wrong with it.
pub struct TextField {
    /// Distinguishes the field on its page.
    pub id: AttrValue,
    pub label: AttrValue,
    pub value: AttrValue,
    pub change: Callback<String>,
    /// What is wrong with it.
    pub error: Option<String>,
    /// What it is for.
    pub hint: AttrValue,
    pub kind: &'static str,
    pub placeholder: AttrValue,
    /// The `datalist` of what may be meant.
    pub list: Option<AttrValue>,
    pub autofocus: bool,
    pub maxlength: u32,
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
        }
    }
}

impl TextField {
    /// Draws it.
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
                <input id={self.id} class={classes!("input", "w-full", wrong.then_some("input-error"))}
                    type={self.kind} value={self.value} placeholder={self.placeholder} list={self.list}
                    autofocus={self.autofocus} maxlength={self.maxlength.to_string()} autocomplete="off"
                    aria-describedby={described} aria-invalid={wrong.then_some("true")} {oninput} />
                if let Some(error) = self.error {
                    <p id={error_id} class="field-error">{ error }</p>
                } else if !self.hint.is_empty() {
                    <p id={hint_id} class="field-hint">{ self.hint }</p>
                }
            </div>
        }
    }
}

/// A yes or no with its label.
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
