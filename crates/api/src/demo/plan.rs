//! The timeline: the deliveries of three Alertmanagers over thirty days, and the actions of users.

use chrono::DateTime;
use serde_json::{Value, json};

use super::catalogue::{CHINA, FLAPPING, LOST, PEOPLE, PROD, RULES, Rule, STALE, STORM};
use super::random::Random;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Length of the history, in days.
pub(crate) const DAYS: i64 = 30;

/// Alertmanager's `group_wait`, in seconds.
const GROUP_WAIT: i64 = 30;

/// Alertmanager's `repeat_interval`.
const REPEAT: i64 = 4 * HOUR;

/// One step at a time (seconds since the epoch).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(super) at: i64,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// An Alertmanager sends a webhook.
    Post { source: &'static str, body: String },
    /// A user acknowledges the open incident of an alert.
    Acknowledge {
        alertname: &'static str,
        instance: &'static str,
        by: &'static str,
        note: &'static str,
    },
}

/// One firing period of one alert.
#[derive(Clone, Copy, Debug)]
struct FiringPeriod {
    instance: &'static str,
    number: i64,
    start: i64,
    end: Option<i64>,
    /// Whether Alertmanager sends the resolution.
    sends_resolution: bool,
}

/// All steps from thirty days before `now` to a day after it, in order.
pub(super) fn steps(now: i64) -> Vec<Step> {
    let mut random = Random::new(20_260_101);
    let mut steps = Vec::new();
    for rule in RULES {
        let incidents = incidents(rule, now, &mut random);
        acknowledgements(rule, &incidents, now, &mut random, &mut steps);
        deliveries(rule, &incidents, now, &mut steps);
    }
    steps.extend(invalid_requests(now));
    steps.sort_by_key(|step| step.at);
    steps
}

/// Firing periods of a rule. Those of one instance do not overlap.
fn incidents(rule: &Rule, now: i64, random: &mut Random) -> Vec<FiringPeriod> {
    let mut all = Vec::new();
    for (place, instance) in (0..).zip(rule.instances) {
        let mut starts: Vec<_> = (0..rule.incidents * 2)
            .map(|_| busy_time(now, random))
            .collect();
        if rule.alertname == STORM && place < 8 {
            // The switch of the rack fails.
            starts.push(now - 6 * DAY + place * 20);
        }
        if rule.alertname == FLAPPING && place == 0 {
            starts.extend((0..14).map(|turn| now - 2 * DAY + turn * 11 * MINUTE));
        }
        starts.sort_unstable();
        let mut free_from = i64::MIN;
        for start in starts {
            let length = random.between(rule.minutes.0, rule.minutes.1) * MINUTE;
            let flaps = rule.alertname == FLAPPING && start >= now - 2 * DAY && place == 0;
            let end = start + if flaps { 5 * MINUTE } else { length };
            if start < free_from {
                continue;
            }
            free_from = end + 10 * MINUTE;
            let sends_resolution = rule.alertname != LOST || random.percent(60);
            let number = random.between(3, 97);
            all.push(FiringPeriod {
                instance,
                number,
                start,
                end: Some(end),
                sends_resolution,
            });
        }
    }
    all.extend(present(rule, now));
    all
}

/// Firing periods around `now`, so that the demo changes while it is watched.
fn present(rule: &Rule, now: i64) -> Vec<FiringPeriod> {
    let Some(instance) = rule.instances.last().copied() else {
        return Vec::new();
    };
    let incident = |ago: i64, lasts: Option<i64>, sends_resolution| {
        let start = now - ago;
        FiringPeriod {
            instance,
            number: 42,
            start,
            end: lasts.map(|lasts| start + lasts),
            sends_resolution,
        }
    };
    match rule.alertname {
        // Its Alertmanager is down: no deliveries for half a day.
        STALE => vec![incident(20 * HOUR, Some(6 * HOUR), false)],
        "任务执行失败" => vec![incident(95 * MINUTE, None, true)],
        "PaymentLatencyHigh" => vec![incident(12 * MINUTE, None, true)],
        "DiskWillFillIn4Hours" => vec![incident(5 * HOUR, None, true)],
        "链路丢包" => vec![incident(3 * MINUTE, Some(9 * MINUTE), true)],
        "PageLoadSlow" => vec![incident(-20, Some(3 * MINUTE), true)],
        FLAPPING => vec![
            incident(-45, Some(2 * MINUTE), true),
            incident(-15 * MINUTE, Some(5 * MINUTE), true),
        ],
        "PodCrashLooping" => vec![incident(-90, None, true)],
        _ => Vec::new(),
    }
}

/// A time in the past, weighted towards working hours.
fn busy_time(now: i64, random: &mut Random) -> i64 {
    loop {
        let time = now - random.between(8 * HOUR, DAYS * DAY);
        let hour = time.rem_euclid(DAY) / HOUR;
        let is_weekend = (time.div_euclid(DAY) + 4).rem_euclid(7) >= 5;
        let weight = match (hour, is_weekend) {
            (1..=11, false) => 100,
            (1..=11, true) => 40,
            _ => 25,
        };
        if random.percent(weight) {
            return time;
        }
    }
}

fn acknowledgements(
    rule: &Rule,
    incidents: &[FiringPeriod],
    now: i64,
    random: &mut Random,
    steps: &mut Vec<Step>,
) {
    for incident in incidents {
        let at = incident.start + random.between(2, 35) * MINUTE;
        let is_open = incident.end.is_none_or(|end| at < end);
        let is_chinese = rule.source == CHINA;
        let people = if is_chinese {
            PEOPLE.get(2..)
        } else {
            PEOPLE.get(..2)
        };
        let person = random.of(people.unwrap_or(PEOPLE));
        let note = person.and_then(|(_, notes)| random.of(notes));
        if !random.percent(rule.acknowledged) || !is_open || at > now {
            continue;
        }
        if let (Some((by, _)), Some(note)) = (person, note) {
            let what = What::Acknowledge {
                alertname: rule.alertname,
                instance: incident.instance,
                by,
                note,
            };
            steps.push(Step { at, what });
        }
    }
}

/// Deliveries of the rule's Alertmanager: at each change, with all firing alerts and all that were
/// resolved since, and repeated while an alert fires.
fn deliveries(rule: &Rule, incidents: &[FiringPeriod], now: i64, steps: &mut Vec<Step>) {
    let ends = incidents
        .iter()
        .filter(|incident| incident.sends_resolution)
        .filter_map(|incident| incident.end);
    let mut changes: Vec<_> = incidents
        .iter()
        .map(|incident| incident.start)
        .chain(ends)
        .collect();
    changes.sort_unstable();
    let mut times: Vec<i64> = Vec::new();
    for change in changes {
        let at = change + GROUP_WAIT;
        if times.last().is_none_or(|last| at > last + GROUP_WAIT) {
            times.push(at);
        }
    }
    let mut before = i64::MIN;
    let mut index = 0;
    while let Some(at) = times.get(index).copied() {
        if at > now + DAY {
            return;
        }
        let reported: Vec<_> = incidents
            .iter()
            .filter(|incident| incident.start <= at)
            .filter(|incident| match (incident.end, incident.sends_resolution) {
                (None, _) => true,
                (Some(end), true) => end > before,
                (Some(end), false) => end > at,
            })
            .collect();
        if !reported.is_empty() {
            post(rule, &reported, at, now, steps);
        }
        let still_fires = reported
            .iter()
            .any(|incident| incident.end.is_none_or(|end| end > at));
        let next = times.get(index + 1).copied().unwrap_or(i64::MAX);
        if still_fires && at + REPEAT < next {
            times.insert(index + 1, at + REPEAT);
        }
        before = at;
        index += 1;
    }
}

fn post(rule: &Rule, reported: &[&FiringPeriod], at: i64, now: i64, steps: &mut Vec<Step>) {
    let is_storm = rule.alertname == STORM && reported.len() > 5;
    let shown = if is_storm { 5 } else { reported.len() };
    let alerts: Vec<_> = reported
        .iter()
        .take(shown)
        .map(|incident| alert(rule, incident, at))
        .collect();
    let body = |sender: &str| {
        let fires = reported
            .iter()
            .any(|incident| incident.end.is_none_or(|end| end > at));
        json!({
            "version": "4",
            "receiver": "tocsin",
            "status": if fires { "firing" } else { "resolved" },
            "externalURL": sender,
            "groupKey": format!("{{}}:{{alertname={:?}, team={:?}}}", rule.alertname, rule.team),
            "groupLabels": {"alertname": rule.alertname, "team": rule.team},
            "commonLabels": {"alertname": rule.alertname, "severity": rule.severity},
            "commonAnnotations": {},
            "truncatedAlerts": reported.len() - shown,
            "alerts": alerts,
        })
        .to_string()
    };
    let sender = format!("http://alertmanager-0.{}.example.com:9093", rule.source);
    steps.push(Step {
        at,
        what: What::Post {
            source: rule.source,
            body: body(&sender),
        },
    });
    // A pair sends everything twice; limited to three days to keep the start short.
    if rule.source == PROD && at > now - 3 * DAY {
        let peer = format!("http://alertmanager-1.{}.example.com:9093", rule.source);
        steps.push(Step {
            at: at + 2,
            what: What::Post {
                source: rule.source,
                body: body(&peer),
            },
        });
    }
}

fn alert(rule: &Rule, incident: &FiringPeriod, at: i64) -> Value {
    let fill = |text: &str| {
        text.replace("{i}", incident.instance)
            .replace("{n}", &incident.number.to_string())
    };
    let ended = incident
        .end
        .filter(|end| *end <= at && incident.sends_resolution);
    let mut labels = json!({
        "alertname": rule.alertname,
        "instance": incident.instance,
        "job": rule.job,
        "severity": rule.severity,
        "cluster": rule.source,
    });
    if !rule.team.is_empty() {
        labels["team"] = rule.team.into();
    }
    let query: String = url::form_urlencoded::byte_serialize(rule.expr.as_bytes()).collect();
    json!({
        "status": if ended.is_some() { "resolved" } else { "firing" },
        "labels": labels,
        "annotations": {
            "summary": fill(rule.summary),
            "description": fill(rule.description),
            "runbook_url": format!("https://runbooks.example.com/{}", rule.job),
        },
        "startsAt": rfc3339(incident.start),
        "endsAt": ended.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), rfc3339),
        "generatorURL": format!("http://prometheus.{}.example.com:9090/graph?g0.expr={query}&g0.tab=1", rule.source),
    })
}

/// Typical invalid requests.
fn invalid_requests(now: i64) -> Vec<Step> {
    let half = json!({
        "version": "4", "receiver": "tocsin", "status": "firing", "groupKey": "{}:{}",
        "externalURL": "http://alertmanager-0.staging.example.com:9093", "truncatedAlerts": 0,
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
        "alerts": [
            {"status": "firing", "labels": {"alertname": "ReplicaLag", "instance": "db-staging.example.com", "severity": "warning", "team": "infra"},
             "annotations": {"summary": "The replica is 40 s behind"}, "startsAt": rfc3339(now - 4 * DAY), "endsAt": rfc3339(now - 4 * DAY + 10 * MINUTE)},
            {"status": "firing", "labels": {"alertname": "ReplicaLag", "instance": 7}, "startsAt": "yesterday"},
        ],
    });
    let posts = [
        (now - 9 * DAY, "staging", "hello=world".to_owned()),
        (now - 4 * DAY + MINUTE, "staging", half.to_string()),
        (now - 26 * HOUR, "staging", "{\"alerts\": [".to_owned()),
    ];
    posts
        .map(|(at, source, body)| Step {
            at,
            what: What::Post { source, body },
        })
        .into()
}

fn rfc3339(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0)
        .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_780_000_000;

    #[test]
    fn the_plan_is_deterministic_and_sorted() {
        let plan = steps(NOW);
        assert_eq!(plan, steps(NOW));
        assert!(plan.is_sorted_by_key(|step| step.at));
        assert!(
            plan.iter()
                .all(|step| step.at > NOW - (DAYS + 1) * DAY && step.at <= NOW + DAY)
        );
        assert!(plan.len() > 800, "{}", plan.len());
        assert!(plan.len() < 3_000, "{}", plan.len());
    }

    #[test]
    fn steps_follow_in_the_first_minutes() {
        let soon = steps(NOW)
            .into_iter()
            .filter(|step| (NOW..NOW + 5 * MINUTE).contains(&step.at));
        assert!(soon.count() >= 4);
    }
}
