use std::rc::Rc;

use gloo_timers::callback::Timeout;
use tocsin_api_types::{IncidentState, Summary};
use yew::prelude::*;

use super::{timeline::use_timeline, top::use_top};
use crate::{
    api::use_fetch,
    components::{IconName, failure, icon},
    i18n::use_words,
    list::{range_text, scroll},
    query::{Filter, Preset, Range},
    state::{Signal, use_prefs, use_signals},
    time,
};

/// Delay before reloading after a change, in milliseconds. Statistics cost the server
/// more than a list.
const RELOAD_DELAY_MS: u32 = 2_000;

#[derive(Properties, PartialEq)]
pub struct StatsStripProps {
    pub filter: Filter,
    pub change: Callback<Filter>,
}

/// Time range of the statistics: that of the list, or seven days.
fn scope(range: Range) -> Range {
    match range {
        Range::All => Range::Last(Preset::Week),
        other => other,
    }
}

/// `from` and `to` as a query string for the API.
pub fn bounds_query(range: Range) -> String {
    let only_time = Filter {
        range,
        ..Filter::default()
    };
    only_time.to_api_query(time::now())
}

/// Statistics above the incidents. Collapsible.
#[component]
pub fn StatsStrip(props: &StatsStripProps) -> Html {
    let words = use_words();
    let prefs = use_prefs();
    let hidden = prefs.as_ref().and_then(|prefs| prefs.stats_hidden);
    let hidden = hidden.unwrap_or_else(scroll::is_phone);
    let range = scope(props.filter.range);
    let toggle = move |_| {
        if let Some(prefs) = &prefs {
            prefs.change(|p| p.stats_hidden = Some(!hidden));
        }
    };
    let scope_text = match props.filter.range {
        Range::All => words.stats.scope_default.to_owned(),
        range => range_text(range, words),
    };
    html! {
        <section class="stats" aria-label={words.stats.title}>
            <div class="stats-head">
                <h2>{ words.stats.title }</h2>
                <span class="muted">{ scope_text }</span>
                <span class="grow"></span>
                <button type="button" class="link-btn" aria-expanded={(!hidden).to_string()} onclick={toggle}>
                    { icon(if hidden { IconName::Down } else { IconName::Up }) }
                    { if hidden { words.stats.show } else { words.stats.hide } }
                </button>
            </div>
            if !hidden {
                <StatsBody {range} filter={props.filter.clone()} change={props.change.clone()} />
            }
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct StatsBodyProps {
    range: Range,
    filter: Filter,
    change: Callback<Filter>,
}

#[component]
fn StatsBody(props: &StatsBodyProps) -> Html {
    // Incremented to reload the numbers.
    let round = use_state(|| 0u32);
    let reload_timer = use_mut_ref(|| None::<Timeout>);
    {
        let (round, reload_timer) = (round.clone(), Rc::clone(&reload_timer));
        use_signals(Callback::from(move |_: Signal| {
            let mut timer = reload_timer.borrow_mut();
            if timer.is_none() {
                let (round, done) = (round.clone(), Rc::clone(&reload_timer));
                *timer = Some(Timeout::new(RELOAD_DELAY_MS, move || {
                    done.borrow_mut().take();
                    round.set(round.wrapping_add(1));
                }));
            }
        }));
    }
    let part = Part {
        range: props.range,
        filter: &props.filter,
        change: &props.change,
        round: *round,
    };
    let (numbers, timeline, top) = (use_numbers(&part), use_timeline(&part), use_top(&part));
    html! { <div class="stats-body">{ numbers }{ timeline }{ top }</div> }
}

/// Input of each part of the statistics. The parts are hooks of one component, because
/// each component adds to the download.
pub struct Part<'a> {
    pub range: Range,
    /// Filter of the list, changed by a click.
    pub filter: &'a Filter,
    pub change: &'a Callback<Filter>,
    /// Reloads when it changes.
    pub round: u32,
}

/// Calls `reload` when `round` changes.
#[hook]
pub fn use_rounds(round: u32, reload: Callback<()>) {
    use_effect_with(round, move |round| {
        if *round > 0 {
            reload.emit(());
        }
    });
}

/// The numbers; some are links to their incidents.
#[hook]
fn use_numbers(props: &Part<'_>) -> Html {
    let words = use_words();
    let path = format!("stats/summary?{}", bounds_query(props.range));
    let fetched = use_fetch::<Summary>(path);
    use_rounds(props.round, fetched.reload.clone());
    if let (None, Some(error)) = (&fetched.data, &fetched.error) {
        return failure(words, error, Some(fetched.reload.clone()));
    }
    let data = fetched.data.as_deref();
    let number = |label: &'static str, value: Option<i64>, go: Option<Filter>| {
        let value = value.map_or("–".to_owned(), |value| value.to_string());
        let inner = html! { <><span class="number">{ value }</span><span class="number-label">{ label }</span></> };
        match go {
            Some(filter) => {
                let onclick = props.change.reform(move |_| filter.clone());
                html! { <button type="button" class="stat is-link" {onclick}>{ inner }</button> }
            }
            None => html! { <div class="stat">{ inner }</div> },
        }
    };
    let open = Filter {
        state: vec![IncidentState::Open],
        range: props.filter.range,
        ..props.filter.cleared()
    };
    let unacknowledged = Filter {
        known: Some(false),
        ..open.clone()
    };
    let stale = Filter {
        stale: Some(true),
        ..open.clone()
    };
    let noise = data.and_then(|data| data.noise_ratio);
    html! {
        <div class="numbers">
            { number(words.stats.open, data.map(|d| d.open), Some(open)) }
            { number(words.stats.unacknowledged, data.map(|d| d.unacknowledged), Some(unacknowledged)) }
            { number(words.stats.stale, data.map(|d| d.stale), Some(stale)) }
            { number(words.stats.incidents, data.map(|d| d.incidents), None) }
            { number(words.stats.entries, data.map(|d| d.log_entries), None) }
            <div class="stat" title={words.stats.per_incident_hint}>
                <span class="number">{ noise.map_or("–".to_owned(), |noise| format!("{noise:.1}")) }</span>
                <span class="number-label">{ words.stats.per_incident }</span>
            </div>
        </div>
    }
}
