//! The rows of a year: each series has ten episodes, each of two to some
//! hundred entries.

use super::incident::{EPISODES, Incident, MINUTE, State, link};
use super::store::{Store, Value};
use super::words::{self, Series, random};

/// Entries that one delivery told.
const TOLD: usize = 10;

/// One entry: when, of which incident (its number), and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: i64,
    incident: u32,
    kind: u8,
}

const OPENED: u8 = 0;
const RESOLVED: u8 = 1;
const REFRESHED: u8 = 2;

/// Everything but the texts.
#[derive(Debug)]
pub(crate) struct Plan {
    series: u64,
    incidents: Vec<Incident>,
    entries: Vec<Entry>,
}

impl Plan {
    /// About `entries` entries in the year before `until`.
    pub(crate) fn new(entries: u64, until: i64) -> Self {
        let series = (entries / 500).max(4);
        let mut incidents: Vec<Incident> = (0..series)
            .flat_map(|series| {
                (0..EPISODES).map(move |episode| Incident::new(series, episode, until))
            })
            .collect();
        incidents.sort_by_key(|incident| (incident.first, incident.series));
        link(&mut incidents);
        let mut plan = Self {
            series,
            incidents,
            entries: Vec::new(),
        };
        plan.lay_out();
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

    fn lay_out(&mut self) {
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

    /// # Errors
    /// The database refuses a row.
    pub(crate) async fn write(&self, store: &mut Store) -> anyhow::Result<()> {
        self.write_series(store).await?;
        self.write_incidents(store).await?;
        self.write_entries(store).await?;
        self.write_deliveries(store).await?;
        self.write_backlog(store).await
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
            let told = Series::new(series);
            vec![
                number(series + 1),
                told.source.into(),
                Value::Bytes(random(series).to_be_bytes().to_vec()),
                Value::Bytes(Vec::new()),
                Value::Text(told.labels),
                Value::Text(told.annotations),
                "http://prometheus.example.com:9090/graph?g0.expr=up".into(),
                Value::Text(told.message),
                Value::Text(told.alertname),
                Value::Text(told.instance),
                told.severity.into(),
                told.team.into(),
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
            let known = incident.known();
            vec![
                number(id),
                number(incident.series + 1),
                number(incident.episode + 1),
                Value::Number(incident.state as i64),
                Value::Number(incident.starts_at()),
                incident.ends_at.into(),
                incident.ends_at.map(|_| incident.last).into(),
                match incident.state {
                    State::Open => Value::Nothing,
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
                Value::Nothing,
                Value::Bytes(Vec::new()),
                "[]".into(),
                known.into(),
                known.map_or(Value::Nothing, |_| "wang".into()),
                known.map_or("", |_| "已知悉, disk ordered").into(),
            ]
        });
        store.fill("incidents", &columns, incidents).await?;
        let known = (1_u64..).zip(&self.incidents).filter_map(|(id, incident)| {
            let at = incident.known()?;
            Some(vec![
                number(id),
                Value::Number(4),
                Value::Number(at),
                "wang".into(),
                "已知悉, disk ordered".into(),
            ])
        });
        let columns = ["incident_id", "kind", "at", "person", "memo"];
        store.fill("incident_events", &columns, known).await?;
        let lost = (1_u64..)
            .zip(&self.incidents)
            .filter(|(_, i)| i.state == State::Expired);
        let lost = lost.map(|(id, incident)| {
            vec![
                number(id),
                Value::Number(3),
                Value::Number(incident.last + MINUTE),
            ]
        });
        store.fill("incident_events", &columns[..3], lost).await
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
                number((index / TOLD) as u64 + 1),
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
        let deliveries = self.entries.chunks(TOLD).enumerate().map(|(index, told)| {
            let first = told.first().copied().unwrap_or(Entry {
                at: 0,
                incident: 1,
                kind: 0,
            });
            let source = words::source(self.incident(first).series);
            let of_kind =
                |kind| number(told.iter().filter(|entry| entry.kind == kind).count() as u64);
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
                number(told.len() as u64),
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

    /// What the server is to fold, in the words of the migration `m0002_scale`.
    async fn write_backlog(&self, store: &mut Store) -> anyhow::Result<()> {
        let ranges = |kind: u64, all: u64, step: usize| {
            (1..=all).step_by(step).map(move |first| {
                let last = all.min(first + step as u64 - 1);
                let range = format!("[{first},{last}]").into_bytes();
                vec![number(kind), Value::Bytes(range)]
            })
        };
        let deliveries = self.entries().div_ceil(TOLD as u64);
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
    fn a_year_is_as_long_as_was_asked() {
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
                    "episodes of a series overlap: {incident:?}"
                );
            }
        }
    }
}
