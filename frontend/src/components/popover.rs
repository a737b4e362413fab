use wasm_bindgen::JsCast;
use web_sys::{Element, FocusEvent, HtmlElement, Node};
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct PopoverProps {
    pub button: Html,
    /// Accessible name, if the button has no text.
    #[prop_or_default]
    pub label: Option<AttrValue>,
    #[prop_or_default]
    pub button_class: Classes,
    /// Align to the right edge of the button.
    #[prop_or_default]
    pub end: bool,
    /// Closes the popover when it changes.
    #[prop_or_default]
    pub chosen: AttrValue,
    pub children: Html,
}

/// A button that opens a popover. Escape, a choice, or moving the focus elsewhere
/// closes it and returns the focus to the button.
#[component]
pub fn Popover(props: &PopoverProps) -> Html {
    let open = use_state_eq(|| false);
    let (root, button) = (use_node_ref(), use_node_ref());
    let id = use_memo((), |()| {
        format!("pop-{}", (js_sys::Math::random() * 1e9) as u32)
    });
    {
        let (open, button) = (open.clone(), button.clone());
        use_effect_with(props.chosen.clone(), move |_| {
            if *open {
                open.set(false);
                focus(&button);
            }
        });
    }
    let onclick = {
        let open = open.clone();
        move |_| open.set(!*open)
    };
    let onkeydown = {
        let (open, button) = (open.clone(), button.clone());
        move |event: KeyboardEvent| {
            if event.key() == "Escape" && *open {
                event.stop_propagation();
                open.set(false);
                focus(&button);
            }
        }
    };
    let onfocusout = {
        let (open, root) = (open.clone(), root.clone());
        move |event: FocusEvent| {
            let to = event
                .related_target()
                .and_then(|to| to.dyn_into::<Node>().ok());
            let inside = root
                .cast::<Element>()
                .is_some_and(|root| root.contains(to.as_ref()));
            if !inside {
                open.set(false);
            }
        }
    };
    html! {
        <div class="popover-root" ref={root} {onkeydown} {onfocusout}>
            <button type="button" ref={button} class={props.button_class.clone()} aria-label={props.label.clone()}
                title={props.label.clone()} aria-expanded={open.to_string()} aria-controls={open.then(|| (*id).clone())} {onclick}>
                { props.button.clone() }
            </button>
            if *open {
                // Focusable, so that a click on its background does not move the focus
                // elsewhere.
                <div id={(*id).clone()} tabindex="-1" class={classes!("popover", props.end.then_some("is-end"))}>
                    { props.children.clone() }
                </div>
            }
        </div>
    }
}

fn focus(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        // An element that cannot take the focus leaves it unchanged.
        let _ = element.focus();
    }
}
