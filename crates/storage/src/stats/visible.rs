//! The same numbers for somebody who does not see all alerts.
//!
//! Roll-ups know each label by itself, so no sum of theirs is that of the alerts
//! that a few matchers leave. These are counted from the log and the incidents
//! themselves, by what each was told with: chunk by chunk in short reads, and
//! nothing is kept but the sums. What retention deleted is not in them.

mod entries;

use std::collections::{HashMap, HashSet};

use tocsin_core::alert::Status;
use tocsin_core::stats::{Counts, Delta, Dimension, hour_of};
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;

use self::entries::{Alike, Grain};
use super::{Count, MAX_VALUES, Stretch, Summary, TopBy, most, signed};
use crate::content::{AlertContent, ContentCache};
use crate::enums::{Coded, IncidentState};
use crate::incidents::NOT_A_COPY;
use crate::query::{Conditions, Reads};
use crate::scan::{
    Direction, End, IndexScan, KeyMapping, MergedScan, Rows, ScanBudget, Table, Verifier, find,
};
use crate::search::{AlertSet, alert_set};
use crate::{AlertCriteria, StorageError, TimeRange};

/// Incidents that are read at a time.
const CHUNK: usize = 4_000;

pub(super) async fn summary(
    db: &impl Reads,
    visibility: &Visibility,
    range: TimeRange,
    stale_before: Timestamp,
) -> Result<Summary, StorageError> {
    let mut counts = Counts::default();
    let mut deliveries = Deliveries::default();
    let visible = Visible::new(db, visibility).await?;
    visible
        .entries(db, range, Grain::Delivery, |alike| {
            counts.add(&alike.counts);
            deliveries.add(alike);
        })
        .await?;
    let (firing, resolved) = (signed(counts.firing), signed(counts.resolved));
    let mut found = Found::default();
    if !Stretch::of(range, None).is_empty() {
        for part in [
            Part::Open,
            Part::Unacknowledged,
            Part::Ended(IncidentState::Resolved),
            Part::Ended(IncidentState::Expired),
            Part::Ended(IncidentState::Closed),
        ] {
            visible
                .incidents(db, range, part, |last_seen, told| {
                    found.add(part, last_seen < stale_before, told);
                })
                .await?;
        }
    }
    Ok(Summary {
        deliveries: deliveries.all(),
        log_entries: firing + resolved,
        incidents: found.incidents,
        open: found.open,
        stale: found.stale,
        unacknowledged: found.unacknowledged,
        by_severity: sorted(found.by_severity, MAX_VALUES),
        by_status: vec![(Status::Firing, firing), (Status::Resolved, resolved)],
        by_team: sorted(found.by_team, MAX_VALUES),
    })
}

pub(super) async fn top(
    db: &impl Reads,
    visibility: &Visibility,
    by: TopBy,
    range: TimeRange,
    limit: usize,
) -> Result<Vec<Count>, StorageError> {
    let mut values: HashMap<String, i64> = HashMap::new();
    let visible = Visible::new(db, visibility).await?;
    let count = |alike: &Alike| {
        let facts = &alike.content.fields;
        let value = match by {
            TopBy::Alertname => &facts.alertname,
            TopBy::Instance => &facts.instance,
            TopBy::Team => &facts.team,
        };
        add(&mut values, value, signed(alike.counts.entries()));
    };
    visible.entries(db, range, Grain::Hour, count).await?;
    Ok(sorted(values, limit))
}

/// Entries by their hour and severity.
pub(crate) async fn by_hour(
    db: &impl Reads,
    visibility: &Visibility,
    range: TimeRange,
) -> Result<Delta, StorageError> {
    let mut tallies = Delta::default();
    let visible = Visible::new(db, visibility).await?;
    let count = |alike: &Alike| {
        let severity = &alike.content.fields.severity;
        let hour = hour_of(alike.at);
        tallies.add(hour, Dimension::Severity, severity, &alike.counts);
    };
    visible.entries(db, range, Grain::Hour, count).await?;
    Ok(tallies)
}

fn add(values: &mut HashMap<String, i64>, value: &str, more: i64) {
    match values.get_mut(value) {
        Some(count) => *count += more,
        None => _ = values.insert(value.to_owned(), more),
    }
}

fn sorted(values: HashMap<String, i64>, limit: usize) -> Vec<Count> {
    let counts = values.into_iter();
    let counts = counts.map(|(value, count)| Count { value, count });
    most(counts.collect(), limit)
}

/// Deliveries with an entry among those that are added in the order in which
/// they were received: so those of one time are enough to tell them apart.
#[derive(Default)]
struct Deliveries {
    before: i64,
    at: Timestamp,
    now: HashSet<i64>,
}

impl Deliveries {
    fn add(&mut self, alike: &Alike) {
        if alike.at != self.at {
            self.before = self.all();
            self.at = alike.at;
            self.now.clear();
        }
        // What was imported may be of a delivery that is not known.
        if alike.delivery_id != 0 {
            self.now.insert(alike.delivery_id);
        }
    }

    fn all(&self) -> i64 {
        self.before + i64::try_from(self.now.len()).unwrap_or(i64::MAX)
    }
}

/// A part of the incidents of a range.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Open,
    /// Those of the open ones again that nobody acknowledged.
    Unacknowledged,
    Ended(IncidentState),
}

/// What the incidents come to.
#[derive(Default)]
struct Found {
    incidents: i64,
    open: i64,
    stale: i64,
    unacknowledged: i64,
    by_severity: HashMap<String, i64>,
    by_team: HashMap<String, i64>,
}

impl Found {
    fn add(&mut self, part: Part, is_stale: bool, told: &AlertContent) {
        if part == Part::Unacknowledged {
            self.unacknowledged += 1;
            return;
        }
        if part == Part::Open {
            self.open += 1;
            self.stale += i64::from(is_stale);
        }
        self.incidents += 1;
        add(&mut self.by_severity, &told.fields.severity, 1);
        add(&mut self.by_team, &told.fields.team, 1);
    }
}

/// What may be seen, looked up once.
struct Visible {
    about: AlertCriteria,
    set: AlertSet,
}

impl Visible {
    async fn new(db: &impl Reads, visibility: &Visibility) -> Result<Self, StorageError> {
        let about = AlertCriteria {
            matchers: visibility.matchers().to_vec(),
            ..AlertCriteria::default()
        };
        let set = alert_set(db, &about).await?;
        Ok(Self { about, set })
    }

    /// Each incident of the part that began before the range's end and did not
    /// end before its beginning, by when that was received; with when it was
    /// last seen.
    async fn incidents(
        &self,
        db: &impl Reads,
        range: TimeRange,
        part: Part,
        mut each: impl FnMut(Timestamp, &AlertContent),
    ) -> Result<(), StorageError> {
        let effort = ScanBudget::for_walking();
        let mut tellings = ContentCache::default();
        let mut after = None;
        loop {
            let rows = Rows::Indexes(MergedScan::new(
                Table::Incidents,
                vec![index_scan(range, part)],
                rest(range, part).into(),
                Direction::Up,
                after,
            ));
            let mut verifier = Verifier {
                about: &self.about,
                set: &self.set,
                contents: &mut tellings,
            };
            let found = find(db, rows, &mut verifier, CHUNK, &effort).await?;
            let which = found.rows.iter().map(|hit| hit.content_key());
            let told = tellings.read(db, which).await?;
            for hit in &found.rows {
                if let Some(told) = told.get(&hit.content_key()) {
                    each(Timestamp::from_micros(hit.key.value), told);
                }
            }
            match found.end {
                End::At(key) => after = Some(key),
                End::Exhausted => return Ok(()),
            }
        }
    }
}

fn index_scan(range: TimeRange, part: Part) -> IndexScan {
    let state = match part {
        Part::Open | Part::Unacknowledged => IncidentState::Open,
        Part::Ended(state) => state,
    };
    let mut such = Conditions::default();
    such.and(&format!("r.state = {}", state.code()), []);
    let lane = IndexScan::new(such.into(), "r.last_seen_at", KeyMapping::Plain);
    match part {
        // Nothing is seen of an incident before it is resolved.
        Part::Ended(IncidentState::Resolved) => lane.within(TimeRange { to: None, ..range }),
        // One expires or is closed later than it was seen.
        Part::Open | Part::Unacknowledged | Part::Ended(_) => lane,
    }
}

/// What no index helps with.
fn rest(range: TimeRange, part: Part) -> Conditions {
    let mut rest = Conditions::default();
    if let Some(to) = range.to {
        rest.and("r.first_seen_at < ?", [to.as_micros().into()]);
    }
    match part {
        Part::Open => {}
        Part::Unacknowledged => rest.and("r.known_at IS NULL", []),
        Part::Ended(_) => {
            rest.and(NOT_A_COPY, []);
            if let Some(from) = range.from.map(Timestamp::as_micros) {
                rest.and("r.closed_at >= ?", [from.into()]);
            }
        }
    }
    rest
}
