use std::rc::Rc;

use gloo_storage::{LocalStorage, Storage};
use serde::{Deserialize, Serialize};
use tocsin_api_types::{Me, Theme};
use yew::prelude::*;

use crate::{i18n::Lang, time};

/// Where the choices are kept. `static/theme.js` reads the theme from there
/// before the program is loaded.
const KEY: &str = "tocsin.prefs";

/// The height of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Density {
    /// About 36 pixels.
    #[default]
    Comfortable,
    /// About 28 pixels.
    Compact,
}

/// What a person chose, kept in this browser. The language, the theme and the
/// zone are the account's once somebody is signed in; they are kept here so that
/// the next page looks right from the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Prefs {
    /// None follows the system.
    pub theme: Option<Theme>,
    /// None follows the browser.
    pub lang: Option<Lang>,
    /// The height of rows.
    pub density: Density,
    /// Show times exactly rather than as "3 min ago".
    pub exact_times: bool,
    /// Read lists again every so many seconds; 0 is never.
    pub refresh: u32,
    /// None is the browser's time zone.
    pub zone: Option<String>,
    /// The account whose language, theme and zone these are.
    pub account: Option<i64>,
    /// The statistics are folded away; on a phone they are until asked for.
    pub stats_hidden: Option<bool>,
}

/// The choices, and how to change them.
#[derive(Clone, PartialEq)]
pub struct PrefsHandle {
    state: UseStateHandle<Rc<Prefs>>,
}

impl PrefsHandle {
    /// Makes a choice and keeps it.
    pub fn change(&self, change: impl FnOnce(&mut Prefs)) {
        let mut prefs = Prefs::clone(&self.state);
        change(&mut prefs);
        // A browser that stores nothing still shows what was chosen.
        let _ = LocalStorage::set(KEY, &prefs);
        self.state.set(Rc::new(prefs));
    }

    /// Takes over what the account says. What it leaves open is the browser's,
    /// unless a stranger to this account chose something here before.
    pub(super) fn follow(&self, me: &Me) {
        let same = self.account == me.id;
        self.change(|prefs| {
            prefs.account = me.id;
            if same || me.language.is_some() {
                prefs.lang = me.language.map(Lang::from);
            }
            if same || me.theme.is_some() {
                prefs.theme = me.theme;
            }
            prefs.zone.clone_from(&me.time_zone);
        });
    }

    /// The language, chosen or the browser's.
    pub fn lang(&self) -> Lang {
        self.state.lang.unwrap_or_else(browser_lang)
    }
}

/// The language that the browser prefers.
pub fn browser_lang() -> Lang {
    let tag = web_sys::window().and_then(|window| window.navigator().language());
    Lang::of_browser(&tag.unwrap_or_default())
}

impl std::ops::Deref for PrefsHandle {
    type Target = Prefs;

    fn deref(&self) -> &Prefs {
        &self.state
    }
}

/// The choices, read from where they are kept, and shown on the document.
#[hook]
pub(super) fn use_new_prefs() -> PrefsHandle {
    let state = use_state(|| Rc::new(LocalStorage::get::<Prefs>(KEY).unwrap_or_default()));
    let handle = PrefsHandle { state };
    // Before anything below is drawn with it.
    use_memo(handle.zone.clone(), |zone| time::set_zone(zone.as_deref()));
    let shown = (handle.theme, handle.lang(), handle.density);
    use_effect_with(shown, |(theme, lang, density)| {
        show(*theme, *lang, *density);
    });
    handle
}

fn show(theme: Option<Theme>, lang: Lang, density: Density) {
    let Some(window) = web_sys::window() else {
        return;
    };
    let Some(root) = window.document().and_then(|d| d.document_element()) else {
        return;
    };
    let dark = match theme {
        Some(theme) => theme == Theme::Dark,
        None => window
            .match_media("(prefers-color-scheme: dark)")
            .ok()
            .flatten()
            .is_some_and(|query| query.matches()),
    };
    let density = match density {
        Density::Comfortable => "comfortable",
        Density::Compact => "compact",
    };
    for (name, value) in [
        ("data-theme", if dark { "dark" } else { "light" }),
        ("lang", lang.tag()),
        ("data-density", density),
    ] {
        // Only an illegal attribute name can fail.
        let _ = root.set_attribute(name, value);
    }
}
