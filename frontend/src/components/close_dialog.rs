use yew::prelude::*;

use super::Dialog;
use crate::i18n::use_words;

#[derive(Properties, PartialEq)]
pub struct CloseDialogProps {
    pub title: AttrValue,
    /// The incidents are to be closed.
    pub sure: Callback<()>,
    pub close: Callback<()>,
}

/// Asks before incidents are closed, which cannot be undone.
#[component]
pub fn CloseDialog(props: &CloseDialogProps) -> Html {
    let words = use_words();
    let onclick = {
        let (sure, close) = (props.sure.clone(), props.close.clone());
        move |_: MouseEvent| {
            close.emit(());
            sure.emit(());
        }
    };
    html! {
        <Dialog title={props.title.clone()} close={props.close.clone()}>
            <div class="form">
                <p class="break-words">{ words.common.close_sure }</p>
                <div class="form-actions">
                    <button type="button" class="btn" onclick={props.close.reform(|_| ())}>{ words.common.cancel }</button>
                    <button type="button" class="btn btn-primary" {onclick}>{ words.common.close_incident }</button>
                </div>
            </div>
        </Dialog>
    }
}
