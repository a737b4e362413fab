//! Generated incidents of one year.

use super::words::random;

pub(super) const YEAR: i64 = 365 * 86_400 * 1_000_000;
pub(super) const MINUTE: i64 = 60_000_000;
/// Number of incidents per alert.
pub(super) const INCIDENTS_PER_SERIES: u64 = 10;

/// An incident, without its log entries.
#[derive(Debug)]
pub(super) struct Incident {
    pub(super) series: u64,
    pub(super) episode: u64,
    pub(super) state: State,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) entries: u32,
    pub(super) ends_at: Option<i64>,
    /// ID and end of the previous incident of the alert.
    pub(super) previous: Option<(i64, Option<i64>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open = 0,
    Resolved = 1,
    Expired = 2,
}

/// Links each incident to the previous one of the same alert.
pub(super) fn link(incidents: &mut [Incident]) {
    let mut latest = std::collections::HashMap::new();
    for (number, incident) in (1_i64..).zip(incidents) {
        incident.previous = latest.insert(incident.series, (number, incident.ends_at));
    }
}

impl Incident {
    pub(super) fn new(series: u64, episode: u64, until: i64) -> Self {
        let seed = series * INCIDENTS_PER_SERIES + episode;
        let draw = |salt: u64, most: u64| random(seed ^ (salt << 48)) % most;
        let entries = match draw(1, 4) {
            0 => 2 + draw(2, 5),
            1 => 10 + draw(2, 21),
            2 => 40 + draw(2, 21),
            _ => 100 + draw(2, 53),
        };
        let steps = [6, 15, 60, 240];
        let slot = YEAR / INCIDENTS_PER_SERIES as i64;
        let spans = steps.map(|minutes| minutes * MINUTE * (entries as i64 - 1));
        let span = spans[draw(3, 4) as usize].min(slot * 8 / 10);
        let open = episode == INCIDENTS_PER_SERIES - 1 && series.is_multiple_of(40);
        let state = match (open, draw(4, 100)) {
            (true, _) => State::Open,
            // An expired incident is followed by another one.
            (_, 0) if episode < INCIDENTS_PER_SERIES - 1 => State::Expired,
            _ => State::Resolved,
        };
        let room = slot - span - MINUTE;
        let begin = until - YEAR + slot * episode as i64;
        let first = match open {
            true => until - span - draw(5, 240) as i64 * MINUTE,
            false => begin + (draw(5, 1_000_000) as i64 * (room / 1_000_000)),
        };
        let last = first + span;
        Self {
            series,
            episode,
            state,
            first,
            last,
            entries: entries as u32,
            ends_at: match state {
                State::Open => None,
                State::Resolved => Some(last - 5_000_000),
                State::Expired => Some(last),
            },
            previous: None,
        }
    }

    pub(super) fn starts_at(&self) -> i64 {
        self.first - 30_000_000
    }

    /// Time of the acknowledgement, if any.
    pub(super) fn acknowledged_at(&self) -> Option<i64> {
        let share = if self.state == State::Open { 4 } else { 20 };
        let is_acknowledged = random(self.series << 8 | self.episode).is_multiple_of(share);
        is_acknowledged.then_some(self.first + 5 * MINUTE)
    }
}
