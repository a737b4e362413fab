use yew::prelude::*;

use super::{Dialog, TextField};
use crate::i18n::use_words;

#[derive(Properties, PartialEq)]
pub struct NameDialogProps {
    pub save: Callback<String>,
    pub cancel: Callback<()>,
}

/// Asks once for the name that colleagues see beside an acknowledgement.
#[component]
pub fn NameDialog(props: &NameDialogProps) -> Html {
    let words = use_words();
    let name = use_state(String::new);
    let missing = use_state_eq(|| false);
    let onsubmit = {
        let (name, missing, save) = (name.clone(), missing.clone(), props.save.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            match name.trim() {
                "" => missing.set(true),
                name => save.emit(name.to_owned()),
            }
        }
    };
    let change = {
        let name = name.setter();
        Callback::from(move |text| name.set(text))
    };
    html! {
        <Dialog title={words.shell.name_title} close={props.cancel.clone()}>
            <form {onsubmit} class="form">
                { TextField {
                    id: "display-name".into(),
                    label: words.shell.name.into(),
                    hint: words.shell.name_why.into(),
                    value: (*name).clone().into(),
                    change,
                    autofocus: true,
                    error: missing.then(|| words.shell.name_missing.to_owned()),
                    ..TextField::default()
                }.draw() }
                <div class="form-actions">
                    <button type="button" class="btn" onclick={props.cancel.reform(|_| ())}>{ words.common.cancel }</button>
                    <button type="submit" class="btn btn-primary">{ words.shell.name_save }</button>
                </div>
            </form>
        </Dialog>
    }
}
