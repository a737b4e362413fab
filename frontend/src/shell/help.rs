use yew::prelude::*;
use yew_router::hooks::use_navigator;

use crate::{
    components::Dialog,
    i18n::{Words, use_words},
    route::Route,
    state::{in_dialog, typing, use_keys},
};

/// The keys of the whole page: `/`, `?`, and `g` followed by a page. Returns
/// the way to show the help, and the help itself while it is shown.
#[hook]
pub fn use_shortcuts() -> (Callback<()>, Html) {
    let words = use_words();
    let navigator = use_navigator();
    let open = use_state_eq(|| false);
    let going = use_mut_ref(|| false);
    let show = {
        let open = open.setter();
        use_callback((), move |(), ()| open.set(true))
    };
    let hide = {
        let open = open.setter();
        use_callback((), move |(), ()| open.set(false))
    };
    {
        let show = show.clone();
        use_keys(
            true,
            Callback::from(move |event: KeyboardEvent| {
                if typing(&event) || in_dialog() {
                    return;
                }
                let going_now = std::mem::take(&mut *going.borrow_mut());
                let route = match (going_now, event.key().as_str()) {
                    (true, "i") => Some(Route::Incidents),
                    (true, "l") => Some(Route::Log),
                    (true, "r") => Some(Route::Recipients),
                    _ => None,
                };
                match (route, event.key().as_str()) {
                    (Some(route), _) => {
                        if let Some(navigator) = &navigator {
                            navigator.push(&route);
                        }
                        // The list would take `r` for "refresh".
                        event.stop_immediate_propagation();
                    }
                    (None, "g") => *going.borrow_mut() = true,
                    (None, "/") => focus_search(),
                    (None, "?") => show.emit(()),
                    _ => return,
                }
                event.prevent_default();
            }),
        );
    }
    let dialog = if *open {
        html! { <Dialog title={words.shell.help} close={hide}>{ keys(words) }</Dialog> }
    } else {
        html! {}
    };
    (show, dialog)
}

fn focus_search() {
    use wasm_bindgen::JsCast;
    let field = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id("search"))
        .and_then(|field| field.dyn_into::<web_sys::HtmlInputElement>().ok());
    if let Some(field) = field {
        // A page without a search field has none to focus.
        let _ = field.focus();
        field.select();
    }
}

fn keys(words: &Words) -> Html {
    let shell = &words.shell;
    let list: [(&[&str], &str); 11] = [
        (&["/"], shell.key_search),
        (&["j", "k"], shell.key_move),
        (&["Enter"], shell.key_open),
        (&["Esc"], shell.key_close),
        (&["a"], shell.key_ack),
        (&["x"], shell.key_select),
        (&["r"], shell.key_refresh),
        (&["g", "i"], shell.key_incidents),
        (&["g", "l"], shell.key_log),
        (&["g", "r"], shell.key_recipients),
        (&["?"], shell.key_help),
    ];
    html! {
        <dl class="keys">
            { for list.into_iter().map(|(keys, what)| html! {
                <div><dt>{ for keys.iter().map(|key| html! { <kbd>{ *key }</kbd> }) }</dt><dd>{ what }</dd></div>
            }) }
        </dl>
    }
}
