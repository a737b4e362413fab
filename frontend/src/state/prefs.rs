use std::rc::Rc;

use gloo_storage::{LocalStorage, Storage};
use serde::{Deserialize, Serialize};
use tocsin_api_types::{Me, Theme};
use yew::prelude::*;

use crate::{i18n::Lang, time};

/// Storage key. `static/theme.js` reads the theme from it before the program loads.
const KEY: &str = "tocsin.prefs";

/// Row height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Density {
    /// About 36 pixels.
    #[default]
    Comfortable,
    /// About 28 pixels.
    Compact,
}

/// Preferences stored in this browser. Language, theme and zone belong to the account
/// after sign-in; they are stored here so that the next page load starts with them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Prefs {
    /// `None` follows the system.
    pub theme: Option<Theme>,
    /// `None` follows the browser.
    pub lang: Option<Lang>,
    pub density: Density,
    /// Exact times instead of "3 min ago".
    pub exact_times: bool,
    /// Reload interval of lists in seconds; 0 is off.
    pub refresh: u32,
    /// `None` is the browser's time zone.
    pub zone: Option<String>,
    /// The account that language, theme and zone belong to.
    pub account: Option<i64>,
    /// `None` collapses the statistics on a phone only.
    pub stats_hidden: Option<bool>,
}

/// The preferences, and how to change them.
#[derive(Clone, PartialEq)]
pub struct PrefsHandle {
    state: UseStateHandle<Rc<Prefs>>,
}

impl PrefsHandle {
    /// Changes and stores the preferences.
    pub fn change(&self, change: impl FnOnce(&mut Prefs)) {
        let mut prefs = Prefs::clone(&self.state);
        change(&mut prefs);
        // Without storage, the choice applies until the page is reloaded.
        let _ = LocalStorage::set(KEY, &prefs);
        self.state.set(Rc::new(prefs));
    }

    /// Applies the preferences of the account. A preference that it leaves to the
    /// browser keeps the local choice, unless that choice belongs to this account.
    pub(super) fn apply_account(&self, me: &Me) {
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

    /// The chosen language, or the browser's.
    pub fn lang(&self) -> Lang {
        self.state.lang.unwrap_or_else(browser_lang)
    }
}

/// The browser's preferred language.
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

/// Reads the stored preferences and applies them to the document.
#[hook]
pub(super) fn use_new_prefs() -> PrefsHandle {
    let state = use_state(|| Rc::new(LocalStorage::get::<Prefs>(KEY).unwrap_or_default()));
    let handle = PrefsHandle { state };
    // Before anything is rendered with it.
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
        // Fails only for an invalid attribute name.
        let _ = root.set_attribute(name, value);
    }
}
