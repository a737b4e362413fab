use tocsin_api_types::Me;
use yew::prelude::*;

use crate::{
    components::{IconName, Popover, RouteLink, icon},
    i18n::Words,
    route::Route,
    state::{Session, Toasts},
};

/// Menu with the signed-in user, the account link and sign-out.
pub fn account_menu(
    words: &'static Words,
    session: &Session,
    me: &Me,
    toasts: &Toasts,
    here: Route,
) -> Html {
    let sign_out = {
        let (session, toasts) = (session.clone(), toasts.clone());
        move |_| {
            let toasts = toasts.clone();
            session.sign_out(Callback::from(move |error: crate::api::ApiError| {
                toasts.error((words.account.sign_out_failed)(&error.explain(words)));
            }));
        }
    };
    html! {
        <Popover end={true} button_class="icon-btn" label={(words.account.menu)(&me.name)} chosen={format!("{here:?}")}
            button={html! { { icon(IconName::User) } }}>
            <div class="account-menu">
                <p class="account-who">
                    <span class="strong">{ &me.name }</span>
                    if let Some(email) = &me.email {
                        <span class="muted">{ email }</span>
                    }
                    <span class="muted">{ (words.account.role)(me.role) }</span>
                    if !me.matchers.is_empty() {
                        <span class="muted">{ (words.account.visible_alerts)(&me.matchers.join(", ")) }</span>
                    }
                </p>
                <div class="menu-list">
                    if me.id.is_some() {
                        <RouteLink class="menu-item" to={Route::Account} current={here == Route::Account}>{ words.account.account }</RouteLink>
                    }
                    <button type="button" class="menu-item" onclick={sign_out}>{ words.account.sign_out }</button>
                </div>
            </div>
        </Popover>
    }
}
