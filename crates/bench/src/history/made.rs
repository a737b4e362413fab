//! Generates the rows of one year: each alert has ten incidents, each with two to about
//! 150 log entries.

use super::incident::{INCIDENTS_PER_SERIES, Incident, MINUTE, State, link};
use super::store::{Store, Value};
use super::words::{self, Series, random};

/// Log entries per delivery.
const ENTRIES_PER_DELIVERY: usize = 10;

/// A log entry: time, ID of the incident, and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: i64,
    incident: u32,
    kind: u8,
}

const OPENED: u8 = 0;
const RESOLVED: u8 = 1;
const REFRESHED: u8 = 2;

/// The generated history, without labels and annotations.
#[derive(Debug)]
pub(crate) struct Plan {
    series: u64,
    incidents: Vec<Incident>,
    entries: Vec<Entry>,
}

impl Plan {
    /// Generates about `entries` log entries in the year before `until`.
    pub(crate) fn new(entries: u64, until: i64) -> Self {
        let series = (entries / 500).max(4);
        let mut incidents: Vec<Incident> = (0..series)
            .flat_map(|series| {
                (0..INCIDENTS_PER_SERIES).map(move |episode| Incident::new(series, episode, until))
            })
            .collect();
        incidents.sort_by_key(|incident| (incident.first, incident.series));
        link(&mut incidents);
        let mut plan = Self {
            series,
            incidents,
            entries: Vec::new(),
        };
        plan.generate_entries();
        plan
    }

    pub(crate) fn entries(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) fn incidents(&self) -> u64 {
        self.incidents.len() as u64
    }

    pub(crate) fn series(&self) -> u64 {
        self.series
    }

    fn generate_entries(&mut self) {
        for (number, incident) in (1..).zip(&self.incidents) {
            let count = i64::from(incident.entries);
            let step = (incident.last - incident.first) / (count - 1).max(1);
            for index in 0..count {
                let kind = match index {
                    0 => OPENED,
                    _ if index == count - 1 && incident.state == State::Resolved => RESOLVED,
                    _ => REFRESHED,
                };
                self.entries.push(Entry {
                    at: incident.first + step * index,
                    incident: number,
                    kind,
                });
            }
        }
        self.entries.sort_unstable();
    }

    /// Writes all rows.
    ///
    /// # Errors
    /// If the database rejects a row.
    pub(crate) async fn write(&self, store: &mut Store) -> anyhow::Result<()> {
        self.write_series(store).await?;
        self.write_incidents(store).await?;
        self.write_entries(store).await?;
        self.write_deliveries(store).await?;
        self.write_projection_queue(store).await
    }

    async fn write_series(&self, store: &mut Store) -> anyhow::Result<()> {
        let senders = (1..).zip(["prod-a", "prod-b", "edge"]).map(|(id, source)| {
            let url = format!("http://alertmanager.{source}.example.com:9093");
            let digest = random(id).to_be_bytes().repeat(2);
            vec![
                number(id),
                Value::Bytes(digest),
                source.into(),
                Value::Text(url),
            ]
        });
        let columns = ["id", "digest", "source", "external_url"];
        store.fill("senders", &columns, senders).await?;
        let columns = [
            "id",
            "source",
            "fingerprint",
            "content",
            "labels",
            "annotations",
            "generator_url",
            "message",
            "alertname",
            "instance",
            "severity",
            "team",
        ];
        let series = (0..self.series).map(|series| {
            let alert = Series::new(series);
            vec![
                number(series + 1),
                alert.source.into(),
                Value::Bytes(random(series).to_be_bytes().to_vec()),
                Value::Bytes(Vec::new()),
                Value::Text(alert.labels),
                Value::Text(alert.annotations),
                "http://prometheus.example.com:9090/graph?g0.expr=up".into(),
                Value::Text(alert.message),
                Value::Text(alert.alertname),
                Value::Text(alert.instance),
                alert.severity.into(),
                alert.team.into(),
            ]
        });
        store.fill("series", &columns, series).await
    }

    async fn write_incidents(&self, store: &mut Store) -> anyhow::Result<()> {
        let columns = [
            "id",
            "series_id",
            "episode",
            "state",
            "starts_at",
            "ends_at",
            "closed_at",
            "end_reason",
            "latest_start",
            "previous_end",
            "first_seen_at",
            "last_seen_at",
            "last_entry_at",
            "occurrences",
            "senders",
            "previous_id",
            "telling_id",
            "content",
            "told",
            "known_at",
            "known_by",
            "memo",
        ];
        let incidents = (1_u64..).zip(&self.incidents).map(|(id, incident)| {
            let acknowledged = incident.acknowledged_at();
            vec![
                number(id),
                number(incident.series + 1),
                number(incident.episode + 1),
                Value::Number(incident.state as i64),
                Value::Number(incident.starts_at()),
                incident.ends_at.into(),
                incident.ends_at.map(|_| incident.last).into(),
                match incident.state {
                    State::Open => Value::Null,
                    State::Resolved => Value::Number(0),
                    State::Expired => Value::Number(1),
                },
                Value::Number(incident.starts_at()),
                incident.previous.and_then(|(_, ended)| ended).into(),
                Value::Number(incident.first),
                Value::Number(incident.last),
                Value::Number(incident.last),
                Value::Number(incident.entries.into()),
                Value::Number(1),
                incident.previous.map(|(id, _)| id).into(),
                Value::Null,
                Value::Bytes(Vec::new()),
                "[]".into(),
                acknowledged.into(),
                acknowledged.map_or(Value::Null, |_| "wang".into()),
                acknowledged.map_or("", |_| "已知悉, disk ordered").into(),
            ]
        });
        store.fill("incidents", &columns, incidents).await?;
        let acknowledged = (1_u64..).zip(&self.incidents).filter_map(|(id, incident)| {
            let at = incident.acknowledged_at()?;
            Some(vec![
                number(id),
                Value::Number(4),
                Value::Number(at),
                "wang".into(),
                "已知悉, disk ordered".into(),
            ])
        });
        let columns = ["incident_id", "kind", "at", "person", "memo"];
        store
            .fill("incident_events", &columns, acknowledged)
            .await?;
        let expired = (1_u64..)
            .zip(&self.incidents)
            .filter(|(_, i)| i.state == State::Expired);
        let expired = expired.map(|(id, incident)| {
            vec![
                number(id),
                Value::Number(3),
                Value::Number(incident.last + MINUTE),
            ]
        });
        store.fill("incident_events", &columns[..3], expired).await
    }

    async fn write_entries(&self, store: &mut Store) -> anyhow::Result<()> {
        let columns = [
            "id",
            "delivery_id",
            "incident_id",
            "series_id",
            "received_at",
            "status",
            "kind",
            "starts_at",
            "ends_at",
        ];
        let entries = self.entries.iter().enumerate().map(|(index, entry)| {
            let incident = self.incident(*entry);
            let resolved = entry.kind == RESOLVED;
            vec![
                number(index as u64 + 1),
                number((index / ENTRIES_PER_DELIVERY) as u64 + 1),
                Value::Number(entry.incident.into()),
                number(incident.series + 1),
                Value::Number(entry.at),
                Value::Number(resolved.into()),
                Value::Number(entry.kind.into()),
                Value::Number(incident.starts_at()),
                incident.ends_at.filter(|_| resolved).into(),
            ]
        });
        store.fill("log_entries", &columns, entries).await
    }

    async fn write_deliveries(&self, store: &mut Store) -> anyhow::Result<()> {
        let columns = [
            "id",
            "received_at",
            "source",
            "sender_id",
            "outcome",
            "receiver",
            "group_key",
            "status",
            "version",
            "alerts",
            "truncated_alerts",
            "opened",
            "resolved",
            "refreshed",
            "seen_again",
            "late",
            "rejected",
            "unrouted",
            "body_bytes",
        ];
        let deliveries =
            self.entries
                .chunks(ENTRIES_PER_DELIVERY)
                .enumerate()
                .map(|(index, entries)| {
                    let first = entries.first().copied().unwrap_or(Entry {
                        at: 0,
                        incident: 1,
                        kind: 0,
                    });
                    let source = words::source(self.incident(first).series);
                    let of_kind = |kind| {
                        number(entries.iter().filter(|entry| entry.kind == kind).count() as u64)
                    };
                    let sender = match source {
                        "prod-a" => 1,
                        "prod-b" => 2,
                        _ => 3,
                    };
                    vec![
                        number(index as u64 + 1),
                        Value::Number(first.at),
                        source.into(),
                        number(sender),
                        number(0),
                        "inbox".into(),
                        "{}:{alertname=\"DiskWillFill\"}".into(),
                        number(0),
                        "4".into(),
                        number(entries.len() as u64),
                        number(0),
                        of_kind(OPENED),
                        of_kind(RESOLVED),
                        of_kind(REFRESHED),
                        number(0),
                        number(0),
                        "[]".into(),
                        number(0),
                        number(11_000),
                    ]
                });
        store.fill("deliveries", &columns, deliveries).await
    }

    /// Queues all rows for projection by the server, in the format of the migration
    /// `m0002_scale`.
    async fn write_projection_queue(&self, store: &mut Store) -> anyhow::Result<()> {
        let ranges = |kind: u64, all: u64, step: usize| {
            (1..=all).step_by(step).map(move |first| {
                let last = all.min(first + step as u64 - 1);
                let range = format!("[{first},{last}]").into_bytes();
                vec![number(kind), Value::Bytes(range)]
            })
        };
        let deliveries = self.entries().div_ceil(ENTRIES_PER_DELIVERY as u64);
        let rows = ranges(2, self.entries(), 10_000)
            .chain(ranges(3, self.series, 1_000))
            .chain(ranges(5, deliveries, 10_000));
        store.fill("backlog", &["kind", "data"], rows).await
    }

    fn incident(&self, entry: Entry) -> &Incident {
        &self.incidents[entry.incident as usize - 1]
    }
}

fn number(value: u64) -> Value {
    Value::Number(i64::try_from(value).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::incident::YEAR;
    use super::*;

    #[test]
    fn history_has_the_requested_size_and_length() {
        let until = 1_800_000_000_000_000;
        let plan = Plan::new(50_000, until);
        assert!(
            (45_000..55_000).contains(&plan.entries()),
            "{}",
            plan.entries()
        );
        assert_eq!(plan.incidents(), 1_000);
        assert!(
            plan.entries
                .iter()
                .all(|entry| (until - YEAR..=until).contains(&entry.at))
        );
        assert!(plan.entries.is_sorted());
        let open = plan.incidents.iter().filter(|i| i.state == State::Open);
        assert_eq!(open.count(), 3);
        assert!(plan.incidents.iter().any(|i| i.state == State::Expired));
        for incident in &plan.incidents {
            if let Some((_, Some(ended))) = incident.previous {
                assert!(
                    ended < incident.first,
                    "incidents of an alert overlap: {incident:?}"
                );
            }
        }
    }
}
