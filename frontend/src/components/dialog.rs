use web_sys::HtmlDialogElement;
use yew::prelude::*;

use super::{IconName, icon};
use crate::i18n::use_words;

#[derive(Properties, PartialEq)]
pub struct DialogProps {
    pub title: AttrValue,
    /// Called on Escape, the close button, or a click on the backdrop.
    pub close: Callback<()>,
    pub children: Html,
    #[prop_or_default]
    pub class: Classes,
    /// Keep the dialog open on a click on the backdrop: it contains user input.
    #[prop_or_default]
    pub keep: bool,
    /// The dialog cannot be closed by the user.
    #[prop_or_default]
    pub fixed: bool,
}

/// A modal dialog. The `<dialog>` element traps the focus and restores it.
#[component]
pub fn Dialog(props: &DialogProps) -> Html {
    let words = use_words();
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with((), move |()| {
            let dialog = node.cast::<HtmlDialogElement>();
            if let Some(dialog) = &dialog {
                // Fails only if the dialog is already open.
                let _ = dialog.show_modal();
            }
            // Closed before removal, so that the browser restores the focus.
            move || dialog.iter().for_each(HtmlDialogElement::close)
        });
    }
    let oncancel = {
        let (close, fixed) = (props.close.clone(), props.fixed);
        move |event: Event| {
            event.prevent_default();
            if !fixed {
                close.emit(());
            }
        }
    };
    // Browsers close a dialog on the second Escape even if `cancel` is prevented.
    let onclose = props.fixed.then(|| {
        let node = node.clone();
        Callback::from(move |_: Event| {
            if let Some(dialog) = node.cast::<HtmlDialogElement>() {
                // Fails only if the dialog is already open.
                let _ = dialog.show_modal();
            }
        })
    });
    let onmousedown = {
        let (close, node, keep) = (props.close.clone(), node.clone(), props.keep || props.fixed);
        move |event: MouseEvent| {
            let dialog = node.cast::<HtmlDialogElement>().map(Into::into);
            if !keep && event.target() == dialog {
                close.emit(());
            }
        }
    };
    html! {
        <dialog ref={node} class={classes!("dialog", props.class.clone())} aria-label={props.title.clone()}
            {oncancel} {onclose} {onmousedown}>
            <div class="dialog-body">
                <header class="dialog-head">
                    <h2>{ props.title.clone() }</h2>
                    if !props.fixed {
                        <button type="button" class="icon-btn" aria-label={words.common.close}
                            onclick={props.close.reform(|_| ())}>
                            { icon(IconName::Close) }
                        </button>
                    }
                </header>
                { props.children.clone() }
            </div>
        </dialog>
    }
}
