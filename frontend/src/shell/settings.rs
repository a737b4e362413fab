use tocsin_api_types::{MeInput, Theme};
use yew::prelude::*;

use crate::{
    api::ApiError,
    components::{IconName, Popover, Segment, icon, segments},
    i18n::{Lang, Words},
    state::{Density, Prefs, PrefsHandle, Session, Toasts},
};

/// A choice: label, selected, and how it changes the preferences.
type Choice = (AttrValue, bool, fn(&mut Prefs));

/// The settings menu. Theme and language are stored with the account, the rest in this
/// browser.
pub fn settings(
    words: &'static Words,
    prefs: &PrefsHandle,
    session: &Session,
    toasts: &Toasts,
) -> Html {
    let keep = {
        let (session, toasts) = (session.clone(), toasts.clone());
        move |change: fn(&mut MeInput)| {
            let toasts = toasts.clone();
            let done = move |response: Result<(), ApiError>| {
                if let Err(error) = response {
                    toasts.error((words.account.not_saved)(&error.explain(words)));
                }
            };
            session.save(change, Callback::from(done));
        }
    };
    let both = |label: AttrValue, chosen: bool, here: fn(&mut Prefs), there: fn(&mut MeInput)| {
        let (prefs, keep) = (prefs.clone(), keep.clone());
        Segment {
            label,
            chosen,
            choose: Callback::from(move |()| {
                prefs.change(here);
                keep(there);
            }),
        }
    };
    let themes = [
        both(
            words.shell.theme_system.into(),
            prefs.theme.is_none(),
            |p| p.theme = None,
            |me| me.theme = None,
        ),
        both(
            words.shell.theme_light.into(),
            prefs.theme == Some(Theme::Light),
            |p| p.theme = Some(Theme::Light),
            |me| me.theme = Some(Theme::Light),
        ),
        both(
            words.shell.theme_dark.into(),
            prefs.theme == Some(Theme::Dark),
            |p| p.theme = Some(Theme::Dark),
            |me| me.theme = Some(Theme::Dark),
        ),
    ];
    let languages = [
        both(
            "English".into(),
            prefs.lang() == Lang::En,
            |p| p.lang = Some(Lang::En),
            |me| me.language = Some(Lang::En.into()),
        ),
        both(
            "中文".into(),
            prefs.lang() == Lang::Zh,
            |p| p.lang = Some(Lang::Zh),
            |me| me.language = Some(Lang::Zh.into()),
        ),
    ];
    html! {
        <Popover end={true} button_class="icon-btn" label={words.shell.settings} button={html! { { icon(IconName::Settings) } }}>
            <div class="settings">
                { row(words.shell.theme, &themes) }
                { row(words.shell.language, &languages) }
                if session.me.is_some() {
                    { of_lists(words, prefs) }
                }
            </div>
        </Popover>
    }
}

/// Settings stored in this browser only.
fn of_lists(words: &Words, prefs: &PrefsHandle) -> Html {
    html! {
        <>
                { setting(words.shell.density, prefs, &[
                    (words.shell.comfortable.into(), prefs.density == Density::Comfortable, |p| p.density = Density::Comfortable),
                    (words.shell.compact.into(), prefs.density == Density::Compact, |p| p.density = Density::Compact),
                ]) }
                { setting(words.shell.times, prefs, &[
                    (words.shell.times_relative.into(), !prefs.exact_times, |p| p.exact_times = false),
                    (words.shell.times_exact.into(), prefs.exact_times, |p| p.exact_times = true),
                ]) }
                { setting(words.shell.refresh, prefs, &[
                    (words.shell.refresh_off.into(), prefs.refresh == 0, |p| p.refresh = 0),
                    ((words.shell.refresh_every)(5).into(), prefs.refresh == 5, |p| p.refresh = 5),
                    ((words.shell.refresh_every)(10).into(), prefs.refresh == 10, |p| p.refresh = 10),
                    ((words.shell.refresh_every)(30).into(), prefs.refresh == 30, |p| p.refresh = 30),
                    ((words.shell.refresh_every)(60).into(), prefs.refresh == 60, |p| p.refresh = 60),
                ]) }
        </>
    }
}

fn setting(name: &'static str, prefs: &PrefsHandle, choices: &[Choice]) -> Html {
    let items: Vec<Segment> = choices
        .iter()
        .map(|(label, chosen, change)| {
            let (prefs, change) = (prefs.clone(), *change);
            Segment {
                label: label.clone(),
                chosen: *chosen,
                choose: Callback::from(move |()| prefs.change(change)),
            }
        })
        .collect();
    row(name, &items)
}

fn row(name: &'static str, items: &[Segment]) -> Html {
    html! {
        <div class="setting"><span class="setting-name">{ name }</span>{ segments(name, items) }</div>
    }
}
