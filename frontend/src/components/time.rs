use chrono::{DateTime, Utc};
use yew::prelude::*;

use crate::{state::View, time};

/// A time in the user's preferred form, with the exact local and UTC times in the
/// tooltip and for screen readers.
pub fn time(view: &View, at: DateTime<Utc>) -> Html {
    if view.exact {
        exact_time(view, at)
    } else {
        shown(view, at, time::ago(view.lang, at, view.now), true)
    }
}

/// An exact time, regardless of the preference.
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

/// Elapsed time from `from` to `to`, or until now.
pub fn duration(view: &View, from: DateTime<Utc>, to: Option<DateTime<Utc>>) -> Html {
    // A sender may report an end before the start, or its clock may be ahead.
    let seconds = (to.unwrap_or(view.now) - from).num_seconds().max(0);
    html! {
        <span class="tabular-nums whitespace-nowrap">{ time::duration(view.lang, seconds) }</span>
    }
}
