//! Query latency with the whole history, with one client: lists with each filter and each
//! pair of filters, and all statistics of one year.

use std::time::Duration;

use crate::{
    body::stamp,
    history::History,
    http::Client,
    options::Options,
    report::{Report, Times},
    targets::Target,
};

const DAY: i64 = 86_400_000_000;

/// Filters of both lists: (parameter, value), percent-encoded.
fn filters(until: i64) -> Vec<(&'static str, String)> {
    let same: [(&'static str, &str); 29] = [
        ("severity", "warning"),
        ("severity", "none"),
        ("severity", "nosuch"),
        ("team", "ops"),
        ("team", "%E7%BD%91%E7%BB%9C%E7%BB%84"),
        ("team", "nosuch"),
        ("alertname", "DiskWillFill"),
        ("alertname", "QueueBacklogRarely"),
        ("alertname", "nosuch"),
        ("instance", "node-007.example.com%3A9100"),
        ("instance", "nosuch"),
        ("source", "prod-a"),
        ("source", "edge"),
        ("source", "nosuch"),
        ("status", "firing"),
        ("status", "resolved"),
        ("known", "true"),
        ("known", "false"),
        // job="node-exporter", device="dev000003", cluster!="prod-1", instance=~"node-00.*"
        ("label", "job%3D%22node-exporter%22"),
        ("label", "device%3D%22dev000003%22"),
        ("label", "cluster!%3D%22prod-1%22"),
        ("label", "instance%3D~%22node-00.*%22"),
        ("label", "device%3D%22nosuch%22"),
        ("q", "disk"),
        ("q", "node-123"),
        // 磁盘, 证书
        ("q", "%E7%A3%81%E7%9B%98"),
        ("q", "%E8%AF%81%E4%B9%A6%20node-321"),
        ("q", "zzqqxx"),
        // 不存在的
        ("q", "%E4%B8%8D%E5%AD%98%E5%9C%A8"),
    ];
    let mut all: Vec<(&'static str, String)> = same
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    let middle = until - 180 * DAY;
    for (name, at) in [
        ("from", until - DAY),
        ("to", middle),
        ("to", until - 400 * DAY),
        ("startsFrom", until - DAY),
        ("startsTo", middle),
        ("endsFrom", until - DAY),
        ("endsTo", middle),
    ] {
        all.push((name, stamp(at)));
    }
    all
}

/// Filters of the incidents list only.
const INCIDENT_FILTERS: [(&str, &str); 5] = [
    ("state", "open"),
    ("state", "resolved"),
    ("state", "expired"),
    ("stale", "true"),
    ("stale", "false"),
];
/// Sort orders of the incidents list besides the default.
const SORTS: [&str; 4] = ["startsAt", "occurrences", "duration", "lastSeenAt"];

/// Measures all queries.
///
/// # Errors
/// If the server cannot be started, or does not respond.
pub(crate) fn run(options: &Options, history: &History, report: &mut Report) -> anyhow::Result<()> {
    let target = Target::tocsin(options, &history.data_dir, &[])?;
    let mut runner = QueryRunner {
        client: target.reader(),
        repetitions: options.repetitions,
        small: options.small,
    };
    let until = history.manifest.until;
    for (list, extra) in [
        ("alerts", &INCIDENT_FILTERS[..0]),
        ("incidents", &INCIDENT_FILTERS[..]),
    ] {
        let mut filters = filters(until);
        filters.extend(
            extra
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let one = |(name, value): &(&str, String)| format!("{name}={value}");
        let mut singles: Vec<String> = filters.iter().map(one).collect();
        singles.push(String::new());
        singles.push("order=asc".to_owned());
        let pairs = filters.iter().enumerate().flat_map(|(index, first)| {
            let others = filters[index + 1..]
                .iter()
                .filter(|other| other.0 != first.0);
            others.map(move |other| format!("{}&{}", one(first), one(other)))
        });
        let pairs: Vec<String> = pairs.collect();
        let path = |query: &String| format!("/api/v1/{list}?{query}");
        let times = runner.run(singles.iter().map(path))?;
        report.queries(history.data_dir.kind, &format!("{list}, one filter"), times);
        let times = runner.run(pairs.iter().map(path))?;
        report.queries(
            history.data_dir.kind,
            &format!("{list}, two filters"),
            times,
        );
        if list == "incidents" {
            let sorted = SORTS.iter().flat_map(|sort| {
                let singles = singles.iter();
                singles.map(move |query| format!("/api/v1/incidents?sort={sort}&{query}"))
            });
            let times = runner.run(sorted)?;
            report.queries(
                history.data_dir.kind,
                "incidents, sorted, one filter",
                times,
            );
        }
    }
    let year = format!(
        "from={}&to={}",
        stamp(until - 365 * DAY),
        stamp(until + DAY)
    );
    let statistics = [
        "summary?",
        "top?by=alertname&",
        "top?by=instance&",
        "top?by=team&",
        "timeline?bucket=hour&",
        "timeline?bucket=day&",
        "heatmap?",
    ];
    let statistics = statistics
        .iter()
        .map(|path| format!("/api/v1/stats/{path}{year}"));
    let times = runner.run(statistics)?;
    report.queries(history.data_dir.kind, "a year of statistics", times);
    target.stop()
}

struct QueryRunner {
    client: Client,
    repetitions: usize,
    small: bool,
}

impl QueryRunner {
    fn run(&mut self, paths: impl Iterator<Item = String>) -> anyhow::Result<Times> {
        // A sample is enough to test that the benchmark works.
        let step = if self.small { 17 } else { 1 };
        let paths: Vec<String> = paths.step_by(step).collect();
        let mut times = Times::default();
        // Runs all queries in turn, so that each finds the caches as left by the others.
        for _ in 0..self.repetitions {
            for path in &paths {
                let response = self.client.get(path)?;
                match response.status {
                    200 => times.add(path, response.time),
                    status => times.fail(path, status),
                }
                if response.time > Duration::from_secs(20) {
                    eprintln!("! {path} took {:.0} s", response.time.as_secs_f64());
                }
            }
        }
        Ok(times)
    }
}
