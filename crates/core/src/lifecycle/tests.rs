use std::time::Duration;

use super::{
    AlertUpdate, DedupSettings, EndReason, Incident, IncidentState, Outcome, SenderState,
    Transition, TransitionInput, transition,
};
use crate::alert::Status::{self, Firing, Resolved};
use crate::time::Timestamp;

const RULES: DedupSettings = DedupSettings {
    window: Duration::from_secs(300),
    stale_after: Duration::from_secs(9 * 3600),
};

/// Seconds after an arbitrary beginning.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_700_000_000 + seconds) * 1_000_000)
}

fn claim(status: Status, starts: i64, ends: Option<i64>) -> AlertUpdate {
    AlertUpdate {
        status,
        starts_at: Some(at(starts)),
        ends_at: ends.map(at),
    }
}

fn firing(starts: i64) -> AlertUpdate {
    claim(Firing, starts, None)
}

fn resolved(starts: i64, ends: i64) -> AlertUpdate {
    claim(Resolved, starts, Some(ends))
}

/// One alert, told by any number of senders, each of one letter.
#[derive(Default)]
struct Alert {
    next: i64,
    latest: Option<Incident>,
    told: Vec<(i64, SenderState)>,
    /// Whether what is heard next has other content.
    is_changed: bool,
}

impl Alert {
    fn hears(&mut self, now: i64, sender: &'static str, claim: &AlertUpdate) -> Transition {
        self.next += 1;
        let sender = i64::from(sender.as_bytes()[0]);
        let judgement = transition(&TransitionInput {
            settings: &RULES,
            now: at(now),
            new_id: self.next,
            update: claim,
            is_changed: self.is_changed,
            sender,
            sender_states: &self.told,
            latest: self.latest.as_ref(),
        });
        self.latest = Some(judgement.incident.clone());
        self.told.retain(|(who, _)| *who != sender);
        self.told.push((sender, judgement.sender_state));
        judgement
    }

    fn state(&self) -> Option<IncidentState> {
        self.latest.as_ref().map(|episode| episode.state)
    }

    fn verdict(&mut self, now: i64, sender: &'static str, claim: &AlertUpdate) -> Outcome {
        self.hears(now, sender, claim).outcome
    }
}

#[test]
fn an_alert_opens_and_resolves() {
    let mut alert = Alert::default();
    let opened = alert.hears(10, "a", &firing(0));
    assert_eq!(opened.outcome, Outcome::Opened);
    assert_eq!(opened.incident.starts_at, at(0));
    let closed = alert.hears(70, "a", &resolved(0, 60));
    assert_eq!(closed.outcome, Outcome::Resolved);
    assert_eq!(closed.incident.state, IncidentState::Resolved);
    assert_eq!(closed.incident.ends_at, Some(at(60)));
    assert_eq!(closed.incident.id, opened.incident.id);
}

#[test]
fn a_repeat_is_seen_again_within_the_window_and_refreshed_after_it() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    assert_eq!(alert.verdict(100, "a", &firing(0)), Outcome::Duplicate);
    // The window counts from the entry and is never extended.
    assert_eq!(alert.verdict(299, "a", &firing(0)), Outcome::Duplicate);
    let refreshed = alert.hears(300, "a", &firing(0));
    assert_eq!(refreshed.outcome, Outcome::Repeated);
    assert_eq!(refreshed.incident.times_received, 2);
    assert_eq!(alert.verdict(599, "a", &firing(0)), Outcome::Duplicate);
}

#[test]
fn the_other_peers_copy_counts_its_sender_once() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    assert_eq!(alert.hears(1, "b", &firing(0)).incident.senders, 2);
    assert_eq!(alert.hears(2, "b", &firing(0)).incident.senders, 2);
    assert_eq!(alert.hears(3, "a", &firing(0)).incident.senders, 2);
}

#[test]
fn a_firing_overtaken_by_its_close_is_late_and_its_retry_is_counted_once() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    let late = alert.hears(61, "b", &firing(0));
    assert_eq!(late.outcome, Outcome::OutOfOrder);
    assert_eq!(late.incident.state, IncidentState::Resolved);
    assert_eq!(alert.verdict(62, "b", &firing(0)), Outcome::Duplicate);
    assert_eq!(alert.verdict(63, "b", &resolved(0, 50)), Outcome::Duplicate);
}

#[test]
fn a_sender_that_told_the_close_and_fires_again_is_believed() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    let first = alert.hears(60, "a", &resolved(0, 50)).incident;
    let again = alert.hears(70, "a", &firing(0));
    assert_eq!(again.outcome, Outcome::Opened);
    assert_eq!(again.incident.previous, Some(first.id));
    // Its start is the old one, but the episode cannot begin before that close.
    assert_eq!(again.incident.starts_at, at(50));
}

#[test]
fn a_copy_of_the_previous_close_does_not_end_an_episode_with_the_old_start() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    alert.hears(70, "a", &firing(0));
    let skewed = AlertUpdate {
        ends_at: Some(at(50).plus(Duration::from_millis(1))),
        ..resolved(0, 50)
    };
    let copy = alert.hears(71, "b", &skewed);
    assert_eq!(copy.outcome, Outcome::OutOfOrder);
    assert!(copy.incident.is_open());
    assert_eq!(alert.verdict(72, "b", &firing(0)), Outcome::Duplicate);
    assert_eq!(alert.verdict(90, "b", &resolved(0, 80)), Outcome::Resolved);
}

#[test]
fn an_old_resolution_does_not_close_a_newer_episode() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    alert.hears(110, "a", &firing(100));
    assert_eq!(
        alert.verdict(111, "b", &resolved(0, 50)),
        Outcome::OutOfOrder
    );
    assert!(alert.latest.is_some_and(|episode| episode.is_open()));
}

#[test]
fn the_earliest_start_wins_but_not_one_before_the_previous_close() {
    let mut alert = Alert::default();
    alert.hears(1000, "a", &firing(900));
    assert_eq!(
        alert.hears(1001, "a", &firing(300)).incident.starts_at,
        at(300)
    );
    alert.hears(1100, "a", &resolved(300, 1050));
    alert.hears(1200, "a", &firing(1150));
    assert_eq!(
        alert.hears(1201, "b", &firing(300)).incident.starts_at,
        at(1150)
    );
    assert_eq!(
        alert.hears(1202, "a", &firing(1060)).incident.starts_at,
        at(1060)
    );
}

#[test]
fn a_stale_incident_that_fires_again_expires_and_a_new_one_opens() {
    let mut alert = Alert::default();
    let first = alert.hears(0, "a", &firing(0)).incident;
    let later = 9 * 3600 + 1;
    assert!(first.is_stale(at(later), RULES.stale_after));
    assert!(!first.is_stale(at(later - 1), RULES.stale_after));
    let judgement = alert.hears(later, "a", &firing(0));
    assert_eq!(judgement.outcome, Outcome::Opened);
    let expired = judgement.expired.expect("the first one has expired");
    assert_eq!(
        (expired.id, expired.state, expired.ends_at),
        (first.id, IncidentState::Expired, Some(at(0)))
    );
    assert_eq!(judgement.incident.previous, Some(first.id));
    assert_eq!(judgement.incident.starts_at, at(0));
}

#[test]
fn a_start_after_the_last_sighting_shows_a_missed_resolution() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    // Within the window it may be a moved start.
    assert_eq!(alert.verdict(301, "a", &firing(300)), Outcome::Repeated);
    let judgement = alert.hears(1000, "a", &firing(602));
    assert_eq!(judgement.outcome, Outcome::Opened);
    assert!(judgement.expired.is_some());
    assert_eq!(judgement.incident.starts_at, at(602));
}

#[test]
fn a_start_in_the_future_is_not_a_new_episode_each_time() {
    let mut alert = Alert::default();
    assert_eq!(alert.verdict(0, "a", &firing(5000)), Outcome::Opened);
    assert_eq!(alert.verdict(400, "a", &firing(5000)), Outcome::Repeated);
    assert_eq!(
        alert.verdict(500, "a", &resolved(5000, 6000)),
        Outcome::Resolved
    );
}

#[test]
fn an_end_in_the_future_does_not_hide_what_fires_until_then() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(10, "a", &resolved(0, 1_000_000));
    assert_eq!(alert.verdict(100, "b", &firing(50)), Outcome::Opened);
}

#[test]
fn a_resolution_of_something_unknown_is_recorded_closed() {
    let mut alert = Alert::default();
    let recorded = alert.hears(100, "a", &resolved(0, 50));
    assert_eq!(recorded.outcome, Outcome::Resolved);
    assert_eq!(recorded.incident.starts_at, at(0));
    assert_eq!(recorded.incident.ends_at, Some(at(50)));
    assert_eq!(
        alert.verdict(101, "a", &resolved(0, 50)),
        Outcome::Duplicate
    );
    assert_eq!(alert.verdict(500, "a", &resolved(0, 50)), Outcome::Repeated);
}

#[test]
fn an_episode_of_which_only_the_end_was_told_is_recorded() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    let first = alert.hears(60, "a", &resolved(0, 50)).incident;
    let second = alert.hears(200, "a", &resolved(100, 150));
    assert_eq!(second.outcome, Outcome::Resolved);
    assert_eq!(second.incident.previous, Some(first.id));
    assert_eq!(
        alert.verdict(201, "b", &resolved(0, 50)),
        Outcome::OutOfOrder
    );
}

#[test]
fn missing_times_are_the_arrival() {
    let mut alert = Alert::default();
    let bare = |status| AlertUpdate {
        status,
        starts_at: None,
        ends_at: None,
    };
    assert_eq!(
        alert.hears(10, "a", &bare(Firing)).incident.starts_at,
        at(10)
    );
    let closed = alert.hears(10, "a", &bare(Resolved));
    assert_eq!(closed.outcome, Outcome::Resolved);
    assert_eq!(closed.incident.ends_at, Some(at(10)));
    assert_eq!(alert.verdict(20, "a", &bare(Resolved)), Outcome::Duplicate);
    assert_eq!(alert.verdict(30, "a", &bare(Firing)), Outcome::Opened);
}

#[test]
fn a_resolution_that_starts_after_its_end_is_counted_once() {
    let mut alert = Alert::default();
    assert_eq!(alert.verdict(0, "a", &resolved(100, 50)), Outcome::Resolved);
    assert_eq!(
        alert.verdict(1, "a", &resolved(100, 50)),
        Outcome::Duplicate
    );
}

/// Case (a) of the rules.
#[test]
fn a_stale_copy_under_the_same_name_leaves_nothing_open() {
    let mut alert = Alert::default();
    let first = alert.hears(0, "a", &firing(0)).incident;
    let close = alert.hears(60, "a", &resolved(0, 50));
    assert_eq!(close.outcome, Outcome::Resolved);
    let copy = alert.hears(73, "a", &firing(0));
    assert_eq!(copy.outcome, Outcome::Opened);
    assert!(copy.suspected_copy);
    assert_eq!(copy.incident.previous, Some(first.id));
    let end = alert.hears(73, "a", &resolved(0, 50));
    assert_eq!(end.outcome, Outcome::Resolved);
    assert_eq!(end.incident.end_reason, Some(EndReason::Copy));
    assert_eq!(end.incident.ends_at, Some(end.incident.starts_at));
    assert_eq!(alert.verdict(80, "a", &resolved(0, 50)), Outcome::Duplicate);
    assert_eq!(alert.state(), Some(IncidentState::Resolved));
}

/// Case (b).
#[test]
fn a_real_refiring_with_the_old_start_is_resolved_by_its_own_end() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    assert_eq!(alert.verdict(70, "a", &firing(0)), Outcome::Opened);
    let end = alert.hears(100, "a", &resolved(0, 90));
    assert_eq!(end.outcome, Outcome::Resolved);
    assert_eq!(end.incident.end_reason, Some(EndReason::Resolved));
    assert_eq!(end.incident.ends_at, Some(at(90)));
    assert_eq!(
        alert.verdict(101, "a", &resolved(0, 90)),
        Outcome::Duplicate
    );
}

/// Case (c).
#[test]
fn odd_times_close_the_incident() {
    let bare = |status, ends| AlertUpdate {
        status,
        starts_at: None,
        ends_at: ends,
    };
    let odd = [
        (firing(0), resolved(0, 0), 0),
        // The sender's clock is 20 s behind.
        (bare(Firing, None), bare(Resolved, Some(at(-10))), 0),
        (firing(0), resolved(0, -30), 0),
        (firing(100), resolved(100, 50), 100),
    ];
    for (opening, closing, end) in odd {
        let mut alert = Alert::default();
        alert.hears(0, "a", &opening);
        let closed = alert.hears(10, "a", &closing);
        assert_eq!(closed.outcome, Outcome::Resolved, "{closing:?}");
        assert_eq!(closed.incident.ends_at, Some(at(end)), "{closing:?}");
        assert_eq!(alert.verdict(11, "a", &closing), Outcome::Duplicate);
    }
}

#[test]
fn odd_times_close_an_incident_that_has_a_predecessor() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    alert.hears(70, "a", &firing(65));
    // It ends before the one before did, and nobody else says that it fires.
    let closed = alert.hears(
        80,
        "a",
        &AlertUpdate {
            starts_at: None,
            ..resolved(0, 40)
        },
    );
    assert_eq!(closed.outcome, Outcome::Resolved);
    assert_eq!(closed.incident.ends_at, Some(at(65)));
    assert_eq!(closed.incident.end_reason, Some(EndReason::Resolved));
}

/// Case (d).
#[test]
fn another_names_stale_resolution_hides_nothing() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    alert.hears(70, "a", &firing(0));
    assert_eq!(
        alert.verdict(71, "b", &resolved(0, 50)),
        Outcome::OutOfOrder
    );
    assert_eq!(alert.verdict(72, "a", &resolved(0, 90)), Outcome::Resolved);
    alert.hears(110, "a", &firing(105));
    assert_eq!(
        alert.verdict(111, "b", &resolved(0, 90)),
        Outcome::OutOfOrder
    );
    assert_eq!(alert.state(), Some(IncidentState::Open));
}

#[test]
fn a_close_hides_an_older_firing_for_the_window_only() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    assert_eq!(alert.verdict(61, "b", &firing(0)), Outcome::OutOfOrder);
    assert_eq!(alert.verdict(359, "b", &firing(0)), Outcome::Duplicate);
    let opened = alert.hears(360, "b", &firing(0));
    assert_eq!(opened.outcome, Outcome::Opened);
    assert!(!opened.suspected_copy);
    assert_eq!(opened.incident.starts_at, at(50));
    // A repeat of the close does not begin the window again.
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    assert_eq!(alert.verdict(400, "a", &resolved(0, 50)), Outcome::Repeated);
    assert_eq!(alert.verdict(401, "b", &firing(0)), Outcome::Opened);
}

#[test]
fn a_firing_after_a_persons_close_opens_a_linked_incident_after_the_window() {
    let mut alert = Alert::default();
    let first = alert.hears(0, "a", &firing(0)).incident;
    alert.latest = Some(first.closed(at(100)));
    assert_eq!(alert.verdict(200, "a", &firing(0)), Outcome::OutOfOrder);
    assert_eq!(alert.state(), Some(IncidentState::Closed));
    let again = alert.hears(400, "a", &firing(0));
    assert_eq!(again.outcome, Outcome::Opened);
    assert_eq!(again.incident.previous, Some(first.id));
    assert_eq!(again.incident.starts_at, at(100));
    assert_eq!(
        alert.verdict(500, "a", &resolved(0, 450)),
        Outcome::Resolved
    );
}

#[test]
fn a_new_start_after_a_persons_close_opens_at_once() {
    let mut alert = Alert::default();
    let first = alert.hears(0, "a", &firing(0)).incident;
    alert.latest = Some(first.closed(at(100)));
    assert_eq!(alert.verdict(130, "a", &firing(120)), Outcome::Opened);
}

#[test]
fn a_later_end_moves_that_of_a_resolved_incident_only() {
    let mut alert = Alert::default();
    let first = alert.hears(0, "a", &firing(0)).incident;
    alert.hears(60, "a", &resolved(0, 50));
    let later = alert.hears(70, "b", &resolved(0, 65));
    assert_eq!(later.outcome, Outcome::Duplicate);
    assert_eq!(later.incident.ends_at, Some(at(65)));
    alert.latest = Some(first.closed(at(100)));
    let after = alert.hears(120, "a", &resolved(0, 110));
    assert_eq!(after.incident.ends_at, Some(at(100)));
    assert_eq!(after.incident.state, IncidentState::Closed);
}

#[test]
fn changed_content_gets_an_entry_at_most_once_a_minute() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.is_changed = true;
    assert_eq!(alert.verdict(30, "a", &firing(0)), Outcome::Updated);
    assert_eq!(alert.verdict(89, "a", &firing(0)), Outcome::Duplicate);
    assert_eq!(alert.verdict(90, "a", &firing(0)), Outcome::Updated);
    // The window is not extended by it.
    let repeated = alert.hears(300, "a", &firing(0));
    assert_eq!(repeated.outcome, Outcome::Repeated);
    assert_eq!(repeated.incident.times_received, 2);
    alert.hears(310, "a", &resolved(0, 305));
    let overtaken = alert.hears(311, "b", &firing(0));
    assert_eq!(overtaken.outcome, Outcome::OutOfOrder);
    assert!(!overtaken.updates_content());
}
