use chrono::{DateTime, Utc};
use yew::prelude::*;

use crate::{state::View, time};

/// A time as the person likes it, with the exact one and UTC for the pointer
/// and for screen readers.
pub fn time(view: &View, at: DateTime<Utc>) -> Html {
    if view.exact {
        exact_time(view, at)
    } else {
        shown(view, at, time::ago(view.lang, at, view.now), true)
    }
}

/// A time to the second, whatever the person's choice.
pub fn exact_time(view: &View, at: DateTime<Utc>) -> Html {
    shown(view, at, time::local_short(at, view.now), false)
}

fn shown(view: &View, at: DateTime<Utc>, text: String, relative: bool) -> Html {
    let exact = format!("{} {}", time::local(at), time::zone());
    let title = format!("{exact}\n{} {}", time::utc(at), view.common.utc);
    html! {
        <time class="tabular-nums whitespace-nowrap" datetime={at.to_rfc3339()} {title}>
            { text }
            if relative {
                <span class="sr-only">{ format!(" ({exact})") }</span>
            }
        </time>
    }
}

/// How long something took, or takes so far.
pub fn duration(view: &View, from: DateTime<Utc>, to: Option<DateTime<Utc>>) -> Html {
    // A sender may report an end before its start, and its clock may be ahead.
    let seconds = (to.unwrap_or(view.now) - from).num_seconds().max(0);
    html! {
        <span class="tabular-nums whitespace-nowrap">{ time::duration(view.lang, seconds) }</span>
    }
}
