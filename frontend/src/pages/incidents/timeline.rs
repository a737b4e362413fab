use tocsin_api_types::{Bucket, Timeline};
use yew::prelude::*;

use super::{
    buckets::{Bar, KINDS, bars, bucket_for},
    stats::{Part, bounds_query, use_rounds},
};
use crate::{
    api::use_fetch,
    components::failure,
    i18n::Words,
    query::{Filter, Range},
    state::use_view,
    time,
};

/// Height of the view box; its width is ten for each bar.
const HEIGHT: f64 = 100.0;
const CLASSES: [&str; 4] = ["fill-critical", "fill-warning", "fill-info", "fill-other"];

/// Firing entries over time, stacked by severity, as a chart or a table.
#[hook]
pub fn use_timeline(props: &Part<'_>) -> Html {
    let words = &use_view();
    let as_table = use_state_eq(|| false);
    let now = words.now;
    let (from, to) = props.range.bounds(now);
    let to = to.unwrap_or(now);
    let bucket = bucket_for(from, to);
    let code = match bucket {
        Bucket::Hour => "hour",
        Bucket::Day => "day",
    };
    let path = format!("stats/timeline?bucket={code}&{}", bounds_query(props.range));
    let fetched = use_fetch::<Timeline>(path);
    use_rounds(props.round, fetched.reload.clone());
    let points = fetched.data.as_ref().filter(|data| data.bucket == bucket);
    let bars = bars(points.map_or(&[], |data| &data.points), bucket, from, to);
    let zoom = {
        let (filter, change) = (props.filter.clone(), props.change.clone());
        Callback::from(move |bar: Bar| {
            let range = Range::Between(Some(bar.from), Some(bar.to));
            // A bar counts all alerts, regardless of the list's filter.
            change.emit(Filter {
                range,
                ..filter.cleared()
            });
        })
    };
    let toggle = {
        let as_table = as_table.clone();
        move |_| as_table.set(!*as_table)
    };
    html! {
        <div class="timeline">
            <div class="part-head">
                <h3>{ words.stats.timeline }</h3>
                { legend(words) }
                <span class="grow"></span>
                <button type="button" class="link-btn" onclick={toggle}>
                    { if *as_table { words.stats.chart } else { words.stats.table } }
                </button>
            </div>
            if let (None, Some(error)) = (&fetched.data, &fetched.error) {
                { failure(words, error, Some(fetched.reload.clone())) }
            } else if *as_table {
                { table(&bars, bucket, words, &zoom) }
            } else {
                { chart(&bars, bucket, words, &zoom) }
            }
        </div>
    }
}

fn name(kind: &'static str, words: &Words) -> &'static str {
    (words.common.severity_name)(kind).unwrap_or(words.stats.other)
}

fn legend(words: &Words) -> Html {
    let items = KINDS.iter().zip(CLASSES).map(|(kind, class)| {
        html! {
            <span class="legend-item">
                <svg viewBox="0 0 8 8" width="8" height="8" aria-hidden="true"><rect {class} width="8" height="8" rx="2" /></svg>
                { name(kind, words) }
            </span>
        }
    });
    html! { <span class="legend">{ for items }</span> }
}

/// Label of a bar: hours in the user's zone; days in UTC, as the server counts them.
fn label(bar: &Bar, bucket: Bucket) -> String {
    match bucket {
        Bucket::Hour => format!("{} {}", time::day_of(bar.from), time::hour_of(bar.from)),
        Bucket::Day => time::utc(bar.from)
            .get(5..10)
            .unwrap_or_default()
            .to_owned(),
    }
}

fn chart(bars: &[Bar], bucket: Bucket, words: &Words, zoom: &Callback<Bar>) -> Html {
    let most = bars.iter().map(Bar::firing).max().unwrap_or(0).max(1) as f64;
    let drawn = bars.iter().enumerate().map(|(place, bar)| {
        let left = place as f64 * 10.0;
        let mut top = HEIGHT;
        let parts = bar.kinds.iter().zip(CLASSES).filter(|(count, _)| **count > 0);
        let parts: Html = parts
            .map(|(count, class)| {
                // A single entry stays noticeable at any scale.
                let height = (*count as f64 / most * HEIGHT).max(1.5);
                top -= height;
                html! {
                    <rect {class} x={(left + 1.0).to_string()} y={format!("{:.2}", top.max(0.0))} width="8" height={format!("{height:.2}")} />
                }
            })
            .collect();
        let onclick = {
            let bar = bar.clone();
            zoom.reform(move |_: MouseEvent| bar.clone())
        };
        html! {
            <g class="bar" {onclick}>
                <rect class="bar-ground" x={left.to_string()} y="0" width="10" height="100" />
                { parts }
                <title>{ (words.stats.bar)(&label(bar, bucket), bar.firing()) }</title>
            </g>
        }
    });
    let view = format!("0 0 {} {HEIGHT}", (bars.len().max(1)) * 10);
    let ends = [bars.first(), bars.get(bars.len() / 2), bars.last()];
    html! {
        <>
            <div class="chart-frame">
                <span class="chart-most tabular-nums" aria-hidden="true">{ most }</span>
                <svg class="chart" viewBox={view} preserveAspectRatio="none" role="img" aria-label={words.stats.timeline_hint}>
                    { for drawn }
                </svg>
            </div>
            <div class="chart-axis tabular-nums" aria-hidden="true">
                { for ends.into_iter().flatten().map(|bar| html! { <span>{ label(bar, bucket) }</span> }) }
            </div>
        </>
    }
}

fn table(bars: &[Bar], bucket: Bucket, words: &Words, zoom: &Callback<Bar>) -> Html {
    let rows = bars.iter().rev().filter(|bar| bar.firing() + bar.resolved > 0).map(|bar| {
        let onclick = {
            let bar = bar.clone();
            zoom.reform(move |_: MouseEvent| bar.clone())
        };
        html! {
            <tr>
                <th scope="row"><button type="button" class="value" {onclick}>{ label(bar, bucket) }</button></th>
                { for bar.kinds.iter().map(|count| html! { <td class="num">{ *count }</td> }) }
                <td class="num">{ bar.resolved }</td>
            </tr>
        }
    });
    html! {
        <div class="stats-table" tabindex="0" role="region" aria-label={words.stats.timeline}>
            <table>
                <thead><tr>
                    <th scope="col">{ words.stats.when }</th>
                    { for KINDS.iter().map(|kind| html! { <th scope="col" class="num">{ name(kind, words) }</th> }) }
                    <th scope="col" class="num">{ words.stats.resolved }</th>
                </tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
        </div>
    }
}
