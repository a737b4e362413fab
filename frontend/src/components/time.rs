use chrono::{DateTime, Utc};
use yew::prelude::*;

use crate::{
    i18n::use_words,
    state::{use_clock, use_prefs},
    time,
};

#[derive(Properties, PartialEq)]
pub struct TimeProps {
    /// When.
    pub at: DateTime<Utc>,
    /// Exactly, whatever the choice.
    #[prop_or_default]
    pub exact: bool,
}

/// A time as the person likes it, with the exact one and UTC for the pointer
/// and for screen readers.
#[component]
pub fn Time(props: &TimeProps) -> Html {
    let words = use_words();
    let now = use_clock();
    let relative = !props.exact && !use_prefs().exact_times;
    let shown = if relative {
        time::ago(words.lang, props.at, now)
    } else {
        time::local_short(props.at, now)
    };
    let exact = format!("{} {}", time::local(props.at), time::zone());
    let title = format!("{exact}\n{} {}", time::utc(props.at), words.common.utc);
    html! {
        <time class="tabular-nums whitespace-nowrap" datetime={props.at.to_rfc3339()} {title}>
            { shown }
            if relative {
                <span class="sr-only">{ format!(" ({exact})") }</span>
            }
        </time>
    }
}

#[derive(Properties, PartialEq)]
pub struct DurationProps {
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when; until now where it has no end.
    pub to: Option<DateTime<Utc>>,
}

/// How long something took, or takes so far.
#[component]
pub fn Duration(props: &DurationProps) -> Html {
    let words = use_words();
    let now = use_clock();
    let seconds = (props.to.unwrap_or(now) - props.from).num_seconds();
    html! {
        <span class="tabular-nums whitespace-nowrap">{ time::duration(words.lang, seconds) }</span>
    }
}
