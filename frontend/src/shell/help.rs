use tocsin_api_types::{Role, SystemStatus};
use yew::prelude::*;
use yew_router::hooks::use_navigator;

use crate::{
    components::{Dialog, code_box},
    i18n::{Words, use_words},
    pages::empty::snippet,
    route::{OPEN_INCIDENTS, Route, go},
    state::{in_dialog, typing, use_keys, use_session, use_status},
};

/// Global shortcuts: `/`, `?`, and `g` followed by a page. Returns a callback that
/// shows the help, and the help dialog if it is open.
#[hook]
pub fn use_shortcuts() -> (Callback<()>, Html) {
    let words = use_words();
    let navigator = use_navigator();
    let session = use_session();
    let status = use_status();
    let signed_in = session.as_ref().is_some_and(|session| session.me.is_some());
    let role = session.map_or(Role::Viewer, |session| session.role());
    let admin = role == Role::Admin;
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
                if !signed_in || typing(&event) || in_dialog() {
                    return;
                }
                let going_now = std::mem::take(&mut *going.borrow_mut());
                let route = match (going_now, event.key().as_str()) {
                    (true, "i") => Some(Route::Incidents),
                    (true, "l") => Some(Route::Log),
                    (true, "r") => Some(Route::Recipients),
                    (true, "u") if admin => Some(Route::Users),
                    _ => None,
                };
                match (route, event.key().as_str()) {
                    (Some(route), _) => {
                        if let Some(navigator) = &navigator {
                            let query = if route == Route::Incidents {
                                OPEN_INCIDENTS
                            } else {
                                ""
                            };
                            go(navigator, route, query, false);
                        }
                        // The list would handle `r` as “refresh”.
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
        html! {
            <Dialog title={words.shell.help} close={hide}>
                { keys(words, role) }
                if let Some(status) = status {
                    { connect(words, &status) }
                }
            </Dialog>
        }
    } else {
        html! {}
    };
    (show, dialog)
}

/// The Alertmanager configuration.
fn connect(words: &Words, status: &SystemStatus) -> Html {
    let token = status.ingest_token_required.then_some("<token>");
    code_box(words.empty.snippet, snippet(&status.webhook_url, token))
}

fn focus_search() {
    use wasm_bindgen::JsCast;
    let field = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id("search"))
        .and_then(|field| field.dyn_into::<web_sys::HtmlInputElement>().ok());
    if let Some(field) = field {
        // Only pages with a search field have one to focus.
        let _ = field.focus();
        field.select();
    }
}

fn keys(words: &Words, role: Role) -> Html {
    let shell = &words.shell;
    let list: [(&[&str], &str, Role); 12] = [
        (&["/"], shell.key_search, Role::Viewer),
        (&["j", "k"], shell.key_move, Role::Viewer),
        (&["Enter"], shell.key_open, Role::Viewer),
        (&["Esc"], shell.key_close, Role::Viewer),
        (&["a"], shell.key_ack, Role::Responder),
        (&["x"], shell.key_select, Role::Responder),
        (&["r"], shell.key_refresh, Role::Viewer),
        (&["g", "i"], shell.key_incidents, Role::Viewer),
        (&["g", "l"], shell.key_log, Role::Viewer),
        (&["g", "r"], shell.key_recipients, Role::Viewer),
        (&["g", "u"], shell.key_users, Role::Admin),
        (&["?"], shell.key_help, Role::Viewer),
    ];
    html! {
        <dl class="keys">
            { for list.into_iter().filter(|line| line.2 <= role).map(|(keys, what, _)| html! {
                <div><dt>{ for keys.iter().map(|key| html! { <kbd>{ *key }</kbd> }) }</dt><dd>{ what }</dd></div>
            }) }
        </dl>
    }
}
