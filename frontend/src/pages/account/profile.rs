use std::rc::Rc;

use tocsin_api_types::{Language, Me, MeInput, Theme};
use yew::prelude::*;

use crate::{
    api::ApiError,
    components::{TextField, failure, select_field},
    i18n::{Lang, use_words},
    state::{browser_lang, use_prefs, use_session, use_toasts},
    time,
};

#[derive(Properties, PartialEq)]
pub struct ProfileProps {
    pub me: Rc<Me>,
}

/// Form for name, language, time zone and theme.
#[component]
pub fn Profile(props: &ProfileProps) -> Html {
    let words = use_words();
    let (session, prefs, toasts) = (use_session(), use_prefs(), use_toasts());
    let me = &props.me;
    let input = use_state(|| MeInput {
        name: me.name.clone(),
        language: me.language,
        time_zone: me.time_zone.clone(),
        theme: me.theme,
    });
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let zones = use_memo((), |()| time::zones());
    let set = |change: fn(&mut MeInput, String)| {
        let input = input.clone();
        Callback::from(move |text: String| {
            let mut next = (*input).clone();
            change(&mut next, text);
            input.set(next);
        })
    };
    let onsubmit = {
        let (input, busy, error) = (input.clone(), busy.clone(), error.setter());
        move |event: SubmitEvent| {
            event.prevent_default();
            let (Some(session), false) = (&session, *busy) else {
                return;
            };
            let (input, busy, error) = ((*input).clone(), busy.setter(), error.clone());
            let (toasts, prefs) = (toasts.clone(), prefs.clone());
            busy.set(true);
            let next = input.clone();
            session.save(
                move |me| *me = next,
                Callback::from(move |response: Result<(), ApiError>| {
                    busy.set(false);
                    error.set(response.clone().err());
                    if response.is_ok() {
                        // Also where the account now leaves it to the browser.
                        prefs.iter().for_each(|prefs| {
                            prefs.change(|prefs| {
                                prefs.lang = input.language.map(Into::into);
                                prefs.theme = input.theme;
                                prefs.zone.clone_from(&input.time_zone);
                            });
                        });
                        // In the newly chosen language.
                        let lang = input.language.map_or_else(browser_lang, Lang::from);
                        toasts.info(lang.words().account.saved);
                    }
                }),
            );
        }
    };
    let field = |name| error.as_ref().and_then(|error| error.field(words, name));
    let whole = (*error).clone().filter(|error| error.errors().is_empty());
    let zone_browser = (words.account.zone_browser)(&time::browser_zone());
    let chosen_zone = input.time_zone.clone().unwrap_or_default();
    let mut zone_choices = vec![("", zone_browser.as_str())];
    // Keep a zone that this browser does not list.
    if !chosen_zone.is_empty() && !zones.contains(&chosen_zone) {
        zone_choices.push((&chosen_zone, &chosen_zone));
    }
    zone_choices.extend(zones.iter().map(|zone| (zone.as_str(), zone.as_str())));
    let language = match input.language {
        Some(Language::En) => "en",
        Some(Language::Zh) => "zh",
        None => "",
    };
    let theme = match input.theme {
        Some(Theme::Light) => "light",
        Some(Theme::Dark) => "dark",
        None => "",
    };
    html! {
        <form class="form" {onsubmit} novalidate={true}>
            { TextField {
                id: "account-name".into(),
                label: words.account.name.into(),
                hint: words.account.name_hint.into(),
                value: input.name.clone().into(),
                autocomplete: "name",
                change: set(|input, text| input.name = text),
                error: field("name"),
                ..TextField::default()
            }.draw() }
            { select_field(
                "account-language",
                words.account.language,
                &[("", words.account.language_browser), ("en", "English"), ("zh", "中文")],
                language,
                set(|input, code| input.language = match code.as_str() {
                    "en" => Some(Language::En),
                    "zh" => Some(Language::Zh),
                    _ => None,
                }),
            ) }
            { select_field(
                "account-zone",
                words.account.zone,
                &zone_choices,
                &chosen_zone,
                set(|input, zone| input.time_zone = (!zone.is_empty()).then_some(zone)),
            ) }
            { select_field(
                "account-theme",
                words.account.theme,
                &[("", words.shell.theme_system), ("light", words.shell.theme_light), ("dark", words.shell.theme_dark)],
                theme,
                set(|input, code| input.theme = match code.as_str() {
                    "light" => Some(Theme::Light),
                    "dark" => Some(Theme::Dark),
                    _ => None,
                }),
            ) }
            if let Some(error) = whole {
                { failure(words, &error, None) }
            }
            <div class="form-actions">
                <button type="submit" class="btn btn-primary" disabled={*busy}>
                    { if *busy { words.common.saving } else { words.common.save } }
                </button>
            </div>
        </form>
    }
}
