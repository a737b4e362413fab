//! The account page.

mod password;
mod profile;
mod sessions;

use yew::prelude::*;

use crate::{i18n::use_words, state::use_me};
use password::Password;
use profile::Profile;
use sessions::Sessions;

#[component]
pub fn AccountPage() -> Html {
    let words = use_words();
    let Some(me) = use_me() else {
        return html! {};
    };
    html! {
        <div class="people account">
            <section class="part-card">
                <h2>{ words.account.profile }</h2>
                <p class="muted">{ words.account.profile_why }</p>
                // A change elsewhere resets the form.
                <Profile key={format!("{:?}{:?}{:?}", me.language, me.time_zone, me.theme)} me={me.clone()} />
            </section>
            <section class="part-card">
                <h2>{ words.account.change_password }</h2>
                if me.has_password {
                    <p class="muted">{ words.account.change_password_why }</p>
                    <Password email={me.email.clone().unwrap_or_default()} />
                } else {
                    <p class="muted">{ words.account.no_password }</p>
                }
            </section>
            <Sessions />
        </div>
    }
}
