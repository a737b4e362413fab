//! Request bodies as in a typical Prometheus setup: nine labels, three annotations,
//! about 1.1 KB per alert, one group per body.
//!
//! Bodies are prepared in advance. A sender copies a template, and fills in the
//! fixed-width number and start time of each alert, so that the load generator takes
//! little CPU time from the server under test.

use chrono::{DateTime, Utc};

/// Number of distinct alerts in [`Workload::Repeats`].
pub(crate) const KNOWN: u64 = 1_000;

const NAMES: [&str; 8] = [
    "HighCPUUsage",
    "HostOutOfMemory",
    "DiskWillFillIn24Hours",
    "TargetDown",
    "PodCrashLooping",
    "HighRequestLatency",
    "CertificateExpiresSoon",
    "KafkaConsumerLag",
];
const SEVERITIES: [&str; 4] = ["critical", "warning", "info", "warning"];
const TEAMS: [&str; 4] = ["ops", "team", "dba", "web"];
/// Number of distinct groups: names and teams repeat every 8 blocks, severities every 12.
const GROUPS: u64 = 24;
const START: usize = "2026-01-01T00:00:00.000Z".len();

/// Format of the request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Alertmanager webhook, version 4.
    Webhook,
    /// `POST /api/v2/alerts` of Alertmanager.
    Alertmanager,
}

/// Alerts in the request bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// All alerts are new.
    Fresh,
    /// The same [`KNOWN`] alerts repeatedly, with the same start times.
    Repeats,
}

/// Fields of an alert, for writing database rows directly.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) fingerprint: [u8; 8],
    pub(crate) labels: String,
    pub(crate) annotations: String,
    pub(crate) generator_url: &'static str,
    pub(crate) message: String,
    pub(crate) alertname: &'static str,
    pub(crate) instance: String,
    pub(crate) severity: &'static str,
    pub(crate) team: &'static str,
}

const GENERATOR: &str =
    "http://prometheus.example.com:9090/graph?g0.expr=instance%3Anode_cpu%3Aratio+%3E+0.9&g0.tab=1";

/// A request with placeholders.
#[derive(Debug)]
struct Template {
    request: Vec<u8>,
    /// For each alert, the offsets of its number, and of its start time.
    offsets: Vec<(Vec<usize>, usize)>,
}

/// Requests with a fixed number of alerts.
#[derive(Debug)]
pub(crate) struct Bodies {
    templates: Vec<Template>,
    alerts: u64,
    workload: Workload,
    /// Formatted times of 600 seconds.
    seconds: Vec<String>,
}

impl Bodies {
    /// `run` distinguishes the alerts of different runs. `start` is the start time of the
    /// first alert, in microseconds.
    pub(crate) fn new(
        path: &str,
        format: Format,
        workload: Workload,
        alerts: u64,
        run: u32,
        start: i64,
    ) -> Self {
        let seconds = (0..600)
            .map(|second| stamp(start + second * 1_000_000))
            .collect();
        let templates = (0..GROUPS)
            .map(|group| Template::new(path, format, group, alerts, run))
            .collect();
        Self {
            templates,
            alerts,
            workload,
            seconds,
        }
    }

    /// Number of alerts per body.
    pub(crate) fn alerts(&self) -> u64 {
        self.alerts
    }

    /// Number of bodies with all distinct alerts of [`Workload::Repeats`].
    pub(crate) fn blocks(&self) -> u64 {
        (KNOWN / self.alerts).max(1)
    }

    /// Writes the request with this number into `buffer`.
    pub(crate) fn write(&self, number: u64, buffer: &mut Vec<u8>) {
        let block = match self.workload {
            Workload::Fresh => number,
            Workload::Repeats => number % self.blocks(),
        };
        let Some(template) = self.templates.get(group_of(block)) else {
            return;
        };
        buffer.clear();
        buffer.extend_from_slice(&template.request);
        for (index, (numbers, start)) in (0..).zip(&template.offsets) {
            let series = block * self.alerts + index;
            let hex = hex8(series);
            for at in numbers {
                buffer[*at..at + 8].copy_from_slice(&hex);
            }
            let time = &self.seconds[usize_of(series / 1_000) % self.seconds.len()];
            buffer[*start..start + START].copy_from_slice(time.as_bytes());
            let millis = series % 1_000;
            for (offset, divisor) in [(20, 100), (21, 10), (22, 1)] {
                buffer[start + offset] = b'0' + digit(millis / divisor);
            }
        }
    }
}

impl Template {
    fn new(path: &str, format: Format, group: u64, alerts: u64, run: u32) -> Self {
        const NUMBER: &str = "########";
        let (name, severity, team) = group_words(group);
        let start = "%".repeat(START);
        let common = format!(
            r#""cloud":"eu-west","cluster":"prod-1","env":"production","job":"node-exporter","namespace":"shop","severity":"{severity}","team":"{team}""#
        );
        let labels = labels(name, severity, team, run, NUMBER);
        let annotations = annotations(name, run, NUMBER);
        let (status, rest) = match format {
            Format::Webhook => (
                r#""status":"firing","#,
                format!(
                    r#","endsAt":"0001-01-01T00:00:00Z","generatorURL":"{GENERATOR}","fingerprint":"{run:08x}{NUMBER}""#
                ),
            ),
            Format::Alertmanager => ("", format!(r#","generatorURL":"{GENERATOR}""#)),
        };
        let alert = format!(
            r#"{{{status}"labels":{labels},"annotations":{annotations},"startsAt":"{start}"{rest}}}"#
        );
        let all = vec![alert; usize_of(alerts)].join(",");
        let body = match format {
            Format::Webhook => format!(
                r#"{{"receiver":"inbox","status":"firing","alerts":[{all}],"groupLabels":{{"alertname":"{name}"}},"commonLabels":{{"alertname":"{name}",{common}}},"commonAnnotations":{{"runbook_url":"https://runbooks.example.com/{name}"}},"externalURL":"http://alertmanager.example.com:9093","version":"4","groupKey":"{{}}:{{alertname=\"{name}\"}}","truncatedAlerts":0}}"#
            ),
            Format::Alertmanager => format!("[{all}]"),
        };
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let numbers: Vec<usize> = request.match_indices(NUMBER).map(|(at, _)| at).collect();
        let starts = request.match_indices(&start).map(|(at, _)| at);
        let each = numbers.len() / usize_of(alerts).max(1);
        let offsets = numbers
            .chunks(each.max(1))
            .map(<[usize]>::to_vec)
            .zip(starts)
            .collect();
        Self {
            request: request.into_bytes(),
            offsets,
        }
    }
}

fn labels(name: &str, severity: &str, team: &str, run: u32, number: &str) -> String {
    format!(
        r#"{{"alertname":"{name}","cloud":"eu-west","cluster":"prod-1","env":"production","instance":"{}","job":"node-exporter","namespace":"shop","severity":"{severity}","team":"{team}"}}"#,
        instance(run, number)
    )
}

fn annotations(name: &str, run: u32, number: &str) -> String {
    format!(
        r#"{{"description":"The value on node {number} has been over its limit of 90% for more than 10 minutes (now 97.3%). Check the top processes and the last deployment.","runbook_url":"https://runbooks.example.com/{name}","summary":"{name} on ip-{run:08x}-{number}"}}"#
    )
}

fn instance(run: u32, number: &str) -> String {
    format!("ip-{run:08x}-{number}.eu-west-1.internal:9100")
}

/// Fields of the alert with this number.
pub(crate) fn parts(run: u32, number: u64) -> Parts {
    let (alertname, severity, team) = group_words(number % GROUPS);
    let hex = format!("{number:08x}");
    let low = u32::try_from(number % (1 << 32)).unwrap_or_default();
    Parts {
        fingerprint: (u64::from(run) << 32 | u64::from(low)).to_be_bytes(),
        labels: labels(alertname, severity, team, run, &hex),
        annotations: annotations(alertname, run, &hex),
        generator_url: GENERATOR,
        message: format!("{alertname} on ip-{run:08x}-{hex}"),
        alertname,
        instance: instance(run, &hex),
        severity,
        team,
    }
}

fn group_words(group: u64) -> (&'static str, &'static str, &'static str) {
    let group = usize_of(group);
    (
        NAMES[group % NAMES.len()],
        SEVERITIES[group / 3 % SEVERITIES.len()],
        TEAMS[group % TEAMS.len()],
    )
}

fn group_of(block: u64) -> usize {
    usize_of(block % GROUPS)
}

/// Formats a time as RFC 3339 with milliseconds.
pub(crate) fn stamp(micros: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

fn hex8(number: u64) -> [u8; 8] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [b'0'; 8];
    let mut rest = number;
    for digit in hex.iter_mut().rev() {
        *digit = DIGITS[usize_of(rest % 16)];
        rest /= 16;
    }
    hex
}

fn digit(value: u64) -> u8 {
    u8::try_from(value % 10).unwrap_or_default()
}

fn usize_of(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn alerts(bodies: &Bodies, number: u64) -> Vec<serde_json::Value> {
        let mut buffer = Vec::new();
        bodies.write(number, &mut buffer);
        let text = String::from_utf8(buffer).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        let list = if json.is_array() {
            &json
        } else {
            &json["alerts"]
        };
        list.as_array().unwrap().clone()
    }

    #[test]
    fn fresh_alerts_are_distinct() {
        let bodies = Bodies::new("/", Format::Webhook, Workload::Fresh, 10, 7, 0);
        let all = (0..50).flat_map(|number| alerts(&bodies, number));
        let mut fingerprints = HashSet::new();
        for alert in all {
            let instance = alert["labels"]["instance"].as_str().unwrap();
            let number = &alert["fingerprint"].as_str().unwrap()[8..];
            assert!(instance.contains(number), "{alert}");
            assert!(!alert["startsAt"].as_str().unwrap().contains('%'));
            assert!(fingerprints.insert(alert["fingerprint"].to_string()));
        }
        assert_eq!(fingerprints.len(), 500);
    }

    #[test]
    fn repeats_are_identical() {
        let bodies = Bodies::new("/", Format::Webhook, Workload::Repeats, 100, 7, 0);
        assert_eq!(bodies.blocks(), 10);
        assert_eq!(alerts(&bodies, 3), alerts(&bodies, 13));
        assert_ne!(alerts(&bodies, 3), alerts(&bodies, 4));
    }

    #[test]
    fn alertmanager_body_is_a_list() {
        let bodies = Bodies::new("/", Format::Alertmanager, Workload::Fresh, 2, 7, 0);
        assert_eq!(alerts(&bodies, 0).len(), 2);
        assert_eq!(
            alerts(&bodies, 0)[0]["fingerprint"],
            serde_json::Value::Null
        );
    }
}
