//! Expected statistics, counted with loops over the whole history.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tocsin_core::alert::Status;
use tocsin_core::matcher;
use tocsin_core::stats::HOUR;
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;
use tocsin_storage::TimeRange;
use tocsin_storage::stats::{self, Bucket, Count, HOURS_A_WEEK, Summary, TimelinePoint, TopBy};

use crate::common::TestDb;
use crate::history::{Entry, History, Incident, labels};

pub(crate) const STALE_AFTER: Duration = Duration::from_secs(5 * 3_600);

fn holds(range: TimeRange, at: i64) -> bool {
    let at = Timestamp::from_micros(at);
    range.from.is_none_or(|from| from <= at) && range.to.is_none_or(|to| at < to)
}

fn is_empty(range: TimeRange) -> bool {
    matches!((range.from, range.to), (Some(from), Some(to)) if from >= to)
}

fn sorted<'a>(values: impl Iterator<Item = &'a str>) -> Vec<Count> {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let mut counts: Vec<Count> = counts
        .into_iter()
        .map(|(value, count)| Count {
            value: value.to_owned(),
            count,
        })
        .collect();
    counts.sort_by_key(|count| Reverse(count.count));
    counts
}

impl History {
    fn entries_in(&self, range: TimeRange) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| holds(range, entry.at))
    }

    fn incidents_in(&self, range: TimeRange) -> Vec<&Incident> {
        let micros = |at: Option<Timestamp>| at.map(Timestamp::as_micros);
        let (from, to) = (micros(range.from), micros(range.to));
        self.incidents
            .iter()
            .filter(|one| {
                !is_empty(range)
                    && !one.is_copy
                    && to.is_none_or(|to| one.started < to)
                    && from.is_none_or(|from| one.ended.is_none_or(|ended| ended >= from))
            })
            .collect()
    }

    fn summary(&self, range: TimeRange, now: i64) -> Summary {
        let with = |status| {
            self.entries_in(range)
                .filter(|e| e.status == status)
                .count() as i64
        };
        let by_status = vec![
            (Status::Firing, with(Status::Firing)),
            (Status::Resolved, with(Status::Resolved)),
        ];
        let incidents = self.incidents_in(range);
        let stale_before = Timestamp::from_micros(now).minus(STALE_AFTER).as_micros();
        let open = || incidents.iter().filter(|one| one.ended.is_none());
        Summary {
            deliveries: self
                .deliveries
                .iter()
                .filter(|(at, _)| holds(range, *at))
                .count() as i64,
            log_entries: by_status.iter().map(|(_, count)| count).sum(),
            incidents: incidents.len() as i64,
            open: open().count() as i64,
            stale: open().filter(|one| one.seen < stale_before).count() as i64,
            unacknowledged: open().filter(|one| !one.known).count() as i64,
            by_severity: sorted(incidents.iter().map(|one| self.series[one.series][1])),
            by_status,
            by_team: sorted(incidents.iter().map(|one| self.series[one.series][2])),
        }
    }

    fn timeline(&self, range: TimeRange, width: i64) -> Vec<TimelinePoint> {
        let mut points: BTreeMap<i64, Vec<&Entry>> = BTreeMap::new();
        for entry in self.entries_in(range) {
            points
                .entry(entry.at.div_euclid(width))
                .or_default()
                .push(entry);
        }
        let points = points.into_iter().map(|(number, entries)| {
            let firing = || entries.iter().filter(|e| e.status == Status::Firing);
            TimelinePoint {
                at: Timestamp::from_micros(number * width),
                firing: firing().count() as i64,
                resolved: entries.len() as i64 - firing().count() as i64,
                by_severity: sorted(firing().map(|entry| self.series[entry.series][1])),
            }
        });
        points.collect()
    }

    fn heatmap(&self, range: TimeRange) -> Vec<i64> {
        let mut slots = vec![0; HOURS_A_WEEK];
        let firing = self
            .entries_in(range)
            .filter(|e| e.status == Status::Firing);
        for entry in firing {
            slots[slot(Timestamp::from_micros(entry.at.div_euclid(HOUR) * HOUR))] += 1;
        }
        slots
    }

    /// The part of the history that is visible with the given visibility.
    fn visible_part(&self, visibility: &Visibility) -> History {
        let mut seen = self.clone();
        if visibility.is_everything() {
            return seen;
        }
        let shows = |series: usize| visibility.shows(&labels(&self.series[series]));
        seen.entries.retain(|entry| shows(entry.series));
        seen.incidents.retain(|incident| shows(incident.series));
        let delivery_indices: BTreeSet<usize> =
            seen.entries.iter().map(|entry| entry.delivery).collect();
        seen.deliveries = delivery_indices
            .into_iter()
            .map(|place| self.deliveries[place])
            .collect();
        seen
    }

    /// Compares all statistics of the range with the model, with unrestricted and with several
    /// restricted visibilities.
    pub(crate) async fn compare(&self, test: &TestDb, range: TimeRange, now: i64) {
        self.compare_visible(test, &Visibility::everything(), range, now)
            .await;
        for matchers in [
            "{team=\"web\"}",
            "{team!=\"web\"}",
            "{team!=\"web\",severity=~\"crit.*|info\"}",
            "{alertname=~\".*l.*\",instance!=\"b\"}",
            "{team=\"missing\"}",
        ] {
            let matchers = matcher::parse_list(matchers).unwrap();
            let visibility = Visibility::of(matchers);
            let seen = self.visible_part(&visibility);
            seen.compare_visible(test, &visibility, range, now).await;
        }
    }

    pub(crate) async fn compare_visible(
        &self,
        test: &TestDb,
        visibility: &Visibility,
        range: TimeRange,
        now: i64,
    ) {
        let at = Timestamp::from_micros(now);
        let summary = stats::summary(&test.db, visibility, range, at, STALE_AFTER)
            .await
            .unwrap();
        assert_eq!(
            summary,
            self.summary(range, now),
            "{range:?} {visibility:?}"
        );
        for (by, field) in [
            (TopBy::Team, 2),
            (TopBy::Alertname, 3),
            (TopBy::Instance, 4),
        ] {
            let mut expected = sorted(self.entries_in(range).map(|e| self.series[e.series][field]));
            for limit in [100, 2] {
                expected.truncate(limit);
                let top = stats::top(&test.db, visibility, by, range, limit as u32)
                    .await
                    .unwrap();
                assert_eq!(top, expected, "{by:?} {range:?} {visibility:?}");
            }
        }
        for (bucket, width) in [(Bucket::Hour, HOUR), (Bucket::Day, 24 * HOUR)] {
            let timeline = stats::timeline(&test.db, visibility, bucket, range)
                .await
                .unwrap();
            assert_eq!(
                timeline.points,
                self.timeline(range, width),
                "{bucket:?} {range:?} {visibility:?}"
            );
        }
        let heatmap = stats::heatmap(&test.db, visibility, range, slot)
            .await
            .unwrap();
        assert_eq!(heatmap, self.heatmap(range), "{range:?} {visibility:?}");
    }
}

fn slot(at: Timestamp) -> usize {
    at.as_micros().div_euclid(HOUR) as usize % HOURS_A_WEEK
}
