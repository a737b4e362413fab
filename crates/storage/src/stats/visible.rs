//! Statistics for users with restricted visibility.
//!
//! Roll-ups count each label separately, so they cannot be filtered by matchers. These
//! statistics are counted from the log and the incidents, by their alert content: in chunks
//! with short reads, keeping only the sums. Deleted log entries are not included.

mod entries;

use std::collections::{HashMap, HashSet};

use tocsin_core::alert::Status;
use tocsin_core::stats::{Counts, Delta, Dimension, hour_of};
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;

use self::entries::{EntryGroup, Granularity};
use super::{Count, MAX_VALUES, SplitRange, Summary, TopBy, most, signed};
use crate::content::{AlertContent, ContentCache};
use crate::enums::{Coded, IncidentState};
use crate::incidents::NOT_A_COPY;
use crate::query::{Conditions, Reads};
use crate::scan::{
    Direction, End, IndexScan, KeyMapping, MergedScan, Rows, ScanBudget, Table, Verifier, find,
};
use crate::search::{AlertSet, alert_set};
use crate::{AlertCriteria, StorageError, TimeRange};

/// Incidents read at a time.
const CHUNK: usize = 4_000;

pub(super) async fn summary(
    db: &impl Reads,
    visibility: &Visibility,
    range: TimeRange,
    stale_before: Timestamp,
) -> Result<Summary, StorageError> {
    let mut counts = Counts::default();
    let mut deliveries = Deliveries::default();
    let visible = VisibleAlerts::new(db, visibility).await?;
    visible
        .entries(db, range, Granularity::Delivery, |group| {
            counts.add(&group.counts);
            deliveries.add(group);
        })
        .await?;
    let (firing, resolved) = (signed(counts.firing), signed(counts.resolved));
    let mut found = IncidentCounts::default();
    if !SplitRange::of(range, None).is_empty() {
        for part in [
            Part::Open,
            Part::Unacknowledged,
            Part::Ended(IncidentState::Resolved),
            Part::Ended(IncidentState::Expired),
            Part::Ended(IncidentState::Closed),
        ] {
            visible
                .incidents(db, range, part, |last_seen, content| {
                    found.add(part, last_seen < stale_before, content);
                })
                .await?;
        }
    }
    Ok(Summary {
        deliveries: deliveries.total(),
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
    let visible = VisibleAlerts::new(db, visibility).await?;
    let add_group = |group: &EntryGroup| {
        let fields = &group.content.fields;
        let value = match by {
            TopBy::Alertname => &fields.alertname,
            TopBy::Instance => &fields.instance,
            TopBy::Team => &fields.team,
        };
        add(&mut values, value, signed(group.counts.entries()));
    };
    visible
        .entries(db, range, Granularity::Hour, add_group)
        .await?;
    Ok(sorted(values, limit))
}

/// Counts visible entries by hour and severity.
pub(crate) async fn by_hour(
    db: &impl Reads,
    visibility: &Visibility,
    range: TimeRange,
) -> Result<Delta, StorageError> {
    let mut delta = Delta::default();
    let visible = VisibleAlerts::new(db, visibility).await?;
    let add_group = |group: &EntryGroup| {
        let severity = &group.content.fields.severity;
        let hour = hour_of(group.at);
        delta.add(hour, Dimension::Severity, severity, &group.counts);
    };
    visible
        .entries(db, range, Granularity::Hour, add_group)
        .await?;
    Ok(delta)
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

/// Counts the distinct deliveries of entries. Entries are added in the order received, so
/// only the deliveries of one time have to be remembered.
#[derive(Default)]
struct Deliveries {
    before: i64,
    at: Timestamp,
    now: HashSet<i64>,
}

impl Deliveries {
    fn add(&mut self, group: &EntryGroup) {
        if group.at != self.at {
            self.before = self.total();
            self.at = group.at;
            self.now.clear();
        }
        // Imported entries can have an unknown delivery.
        if group.delivery_id != 0 {
            self.now.insert(group.delivery_id);
        }
    }

    fn total(&self) -> i64 {
        self.before + i64::try_from(self.now.len()).unwrap_or(i64::MAX)
    }
}

/// A part of the incidents in a range.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Open,
    /// Open and unacknowledged; also included in `Open`.
    Unacknowledged,
    Ended(IncidentState),
}

/// Counts of incidents.
#[derive(Default)]
struct IncidentCounts {
    incidents: i64,
    open: i64,
    stale: i64,
    unacknowledged: i64,
    by_severity: HashMap<String, i64>,
    by_team: HashMap<String, i64>,
}

impl IncidentCounts {
    fn add(&mut self, part: Part, is_stale: bool, content: &AlertContent) {
        if part == Part::Unacknowledged {
            self.unacknowledged += 1;
            return;
        }
        if part == Part::Open {
            self.open += 1;
            self.stale += i64::from(is_stale);
        }
        self.incidents += 1;
        add(&mut self.by_severity, &content.fields.severity, 1);
        add(&mut self.by_team, &content.fields.team, 1);
    }
}

/// The criteria of a visibility, with its alerts looked up once.
struct VisibleAlerts {
    about: AlertCriteria,
    set: AlertSet,
}

impl VisibleAlerts {
    async fn new(db: &impl Reads, visibility: &Visibility) -> Result<Self, StorageError> {
        let about = AlertCriteria {
            matchers: visibility.matchers().to_vec(),
            ..AlertCriteria::default()
        };
        let set = alert_set(db, &about).await?;
        Ok(Self { about, set })
    }

    /// Passes each visible incident of the part to `each`, with the time it was last received.
    /// The incident started before the end of the range and did not end before its
    /// beginning, by receive time.
    async fn incidents(
        &self,
        db: &impl Reads,
        range: TimeRange,
        part: Part,
        mut each: impl FnMut(Timestamp, &AlertContent),
    ) -> Result<(), StorageError> {
        let budget = ScanBudget::for_walking();
        let mut cache = ContentCache::default();
        let mut after = None;
        loop {
            let rows = Rows::Indexes(MergedScan::new(
                Table::Incidents,
                vec![index_scan(range, part)],
                residual(range, part).into(),
                Direction::Up,
                after,
            ));
            let mut verifier = Verifier {
                about: &self.about,
                set: &self.set,
                contents: &mut cache,
            };
            let found = find(db, rows, &mut verifier, CHUNK, &budget).await?;
            let content_keys = found.rows.iter().map(|hit| hit.content_key());
            let contents = cache.read(db, content_keys).await?;
            for hit in &found.rows {
                if let Some(content) = contents.get(&hit.content_key()) {
                    each(Timestamp::from_micros(hit.key.value), content);
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
    let mut condition = Conditions::default();
    condition.and(&format!("r.state = {}", state.code()), []);
    let scan = IndexScan::new(condition.into(), "r.last_seen_at", KeyMapping::Plain);
    match part {
        // A resolved incident was last received when it was resolved.
        Part::Ended(IncidentState::Resolved) => scan.within(TimeRange { to: None, ..range }),
        // Open incidents, and those that expire or are closed after they were last received.
        Part::Open | Part::Unacknowledged | Part::Ended(_) => scan,
    }
}

/// Conditions without index support.
fn residual(range: TimeRange, part: Part) -> Conditions {
    let mut residual = Conditions::default();
    if let Some(to) = range.to {
        residual.and("r.first_seen_at < ?", [to.as_micros().into()]);
    }
    match part {
        Part::Open => {}
        Part::Unacknowledged => residual.and("r.known_at IS NULL", []),
        Part::Ended(_) => {
            residual.and(NOT_A_COPY, []);
            if let Some(from) = range.from.map(Timestamp::as_micros) {
                residual.and("r.closed_at >= ?", [from.into()]);
            }
        }
    }
    residual
}
