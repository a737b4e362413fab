use tocsin_api_types::{Top, TopBy};
use yew::prelude::*;

use super::stats::{Part, bounds_query, use_rounds};
use crate::{
    api::use_fetch,
    components::{Segment, failure, segments},
    i18n::use_words,
    query::{Field, Term},
};

/// Number of bars.
const LIMIT: usize = 5;

/// The noisiest alerts, instances or teams; a click filters the list.
#[hook]
pub fn use_top(props: &Part<'_>) -> Html {
    let words = use_words();
    let by = use_state_eq(|| TopBy::Alertname);
    let (code, field) = match *by {
        TopBy::Alertname => ("alertname", Field::Alertname),
        TopBy::Instance => ("instance", Field::Instance),
        TopBy::Team => ("team", Field::Team),
    };
    let path = format!(
        "stats/top?by={code}&limit={LIMIT}&{}",
        bounds_query(props.range)
    );
    let fetched = use_fetch::<Top>(path);
    use_rounds(props.round, fetched.reload.clone());
    let choices = [
        (TopBy::Alertname, words.stats.by_alert),
        (TopBy::Instance, words.stats.by_instance),
        (TopBy::Team, words.stats.by_team),
    ];
    let items: Vec<Segment> = choices
        .into_iter()
        .map(|(choice, label)| {
            let by = by.clone();
            Segment {
                label: label.into(),
                chosen: *by == choice,
                choose: Callback::from(move |()| by.set(choice)),
            }
        })
        .collect();
    let rows = fetched.data.as_ref().map(|top| {
        let most = top.items.iter().map(|item| item.count).max().unwrap_or(1).max(1);
        top.items.iter().map(|item| {
            let counted = props.filter.cleared().with(&Term::Time(props.range));
            let next = counted.with(&Term::Is(field, item.value.clone()));
            let onclick = props.change.reform(move |_| next.clone());
            let width = format!("{:.1}%", 100.0 * item.count as f64 / most as f64);
            let name = if item.value.is_empty() { words.common.empty_value } else { &item.value };
            html! {
                <li key={item.value.clone()}>
                    <button type="button" class="top-row" {onclick} title={(words.stats.entries_of)(item.count)}>
                        <svg class="top-fill" aria-hidden="true" focusable="false"><rect width={width} height="100%" rx="3" /></svg>
                        <span class="top-name">{ name }</span>
                        <span class="top-count tabular-nums">{ item.count }</span>
                    </button>
                </li>
            }
        }).collect::<Html>()
    });
    let nothing = fetched
        .data
        .as_ref()
        .is_some_and(|top| top.items.is_empty());
    html! {
        <div class="top">
            <div class="part-head"><h3>{ words.stats.top }</h3>{ segments(words.stats.top, &items) }</div>
            if let (None, Some(error)) = (&fetched.data, &fetched.error) {
                { failure(words, error, Some(fetched.reload.clone())) }
            }
            if nothing {
                <p class="muted">{ words.stats.nothing }</p>
            } else {
                <ol class="plain-list">{ rows }</ol>
            }
        </div>
    }
}
