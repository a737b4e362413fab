use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::{
    components::{IconName, Popover, Segment, icon, segments},
    i18n::{Lang, Words},
    state::{Density, Prefs, PrefsHandle, Theme},
};

/// One choice of a setting: what it says, whether it is in force, what it does.
type Choice = (AttrValue, bool, fn(&mut Prefs));

/// What a person can choose for this browser.
pub fn settings(words: &Words, prefs: &PrefsHandle) -> Html {
    let onchange = {
        let prefs = prefs.clone();
        move |event: Event| {
            let name = event.target_unchecked_into::<HtmlInputElement>().value();
            prefs.change(|p| p.name = name.trim().to_owned());
        }
    };
    html! {
        <Popover end={true} button_class="icon-btn" label={words.shell.settings} button={html! { { icon(IconName::Settings) } }}>
            <div class="settings">
                { setting(words.shell.theme, prefs, &[
                    (words.shell.theme_system.into(), prefs.theme.is_none(), |p| p.theme = None),
                    (words.shell.theme_light.into(), prefs.theme == Some(Theme::Light), |p| p.theme = Some(Theme::Light)),
                    (words.shell.theme_dark.into(), prefs.theme == Some(Theme::Dark), |p| p.theme = Some(Theme::Dark)),
                ]) }
                { setting(words.shell.language, prefs, &[
                    ("English".into(), prefs.lang() == Lang::En, |p| p.lang = Some(Lang::En)),
                    ("中文".into(), prefs.lang() == Lang::Zh, |p| p.lang = Some(Lang::Zh)),
                ]) }
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
                <label class="setting"><span class="setting-name">{ words.shell.name }</span>
                    <input class="input input-sm" value={prefs.name.clone()} {onchange} maxlength="100" autocomplete="off" />
                </label>
            </div>
        </Popover>
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
    html! {
        <div class="setting"><span class="setting-name">{ name }</span>{ segments(name, &items) }</div>
    }
}
