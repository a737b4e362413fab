use web_sys::HtmlDialogElement;
use yew::prelude::*;

use super::{IconName, icon};
use crate::i18n::use_words;

#[derive(Properties, PartialEq)]
pub struct DialogProps {
    /// What it is about.
    pub title: AttrValue,
    /// It was closed by Escape, the cross, or a click beside it.
    pub close: Callback<()>,
    pub children: Html,
    #[prop_or_default]
    pub class: Classes,
    /// Holds what somebody typed: a slip of the pointer must not lose it.
    #[prop_or_default]
    pub keep: bool,
    /// There is no way around it.
    #[prop_or_default]
    pub fixed: bool,
}

/// A dialog over the page. The browser's own element keeps the focus inside and
/// gives it back.
#[component]
pub fn Dialog(props: &DialogProps) -> Html {
    let words = use_words();
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with((), move |()| {
            let dialog = node.cast::<HtmlDialogElement>();
            if let Some(dialog) = &dialog {
                // Fails only where it is open already.
                let _ = dialog.show_modal();
            }
            // Closing first, so that the browser gives the focus back.
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
    // A browser closes it at the second Escape, whatever the page says.
    let onclose = props.fixed.then(|| {
        let node = node.clone();
        Callback::from(move |_: Event| {
            if let Some(dialog) = node.cast::<HtmlDialogElement>() {
                // Fails only where it is open already.
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
