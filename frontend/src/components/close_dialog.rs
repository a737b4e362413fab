use yew::prelude::*;

use super::Dialog;
use crate::i18n::use_words;

#[derive(Properties, PartialEq)]
pub struct CloseDialogProps {
    pub title: AttrValue,
    pub confirm: Callback<()>,
    pub close: Callback<()>,
}

/// Confirmation dialog for closing incidents, which cannot be undone.
#[component]
pub fn CloseDialog(props: &CloseDialogProps) -> Html {
    let words = use_words();
    let onclick = {
        let (confirm, close) = (props.confirm.clone(), props.close.clone());
        move |_: MouseEvent| {
            close.emit(());
            confirm.emit(());
        }
    };
    html! {
        <Dialog title={props.title.clone()} close={props.close.clone()}>
            <div class="form">
                <p class="break-words">{ words.common.close_confirm }</p>
                <div class="form-actions">
                    <button type="button" class="btn" onclick={props.close.reform(|_| ())}>{ words.common.cancel }</button>
                    <button type="button" class="btn btn-primary" {onclick}>{ words.common.close_incident }</button>
                </div>
            </div>
        </Dialog>
    }
}
