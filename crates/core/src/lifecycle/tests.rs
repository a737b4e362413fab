use std::time::Duration;

use super::{
    AlertUpdate, DedupSettings, EndReason, Incident, IncidentState, Outcome, SenderState,
    Transition, TransitionInput, transition,
};
use crate::alert::Status::{self, Firing, Resolved};
use crate::time::Timestamp;

const SETTINGS: DedupSettings = DedupSettings {
    window: Duration::from_secs(300),
    stale_after: Duration::from_secs(9 * 3600),
};

/// Seconds after an arbitrary beginning.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_700_000_000 + seconds) * 1_000_000)
}

fn update(status: Status, starts: i64, ends: Option<i64>) -> AlertUpdate {
    AlertUpdate {
        status,
        starts_at: Some(at(starts)),
        ends_at: ends.map(at),
    }
}

fn firing(starts: i64) -> AlertUpdate {
    update(Firing, starts, None)
}

fn resolved(starts: i64, ends: i64) -> AlertUpdate {
    update(Resolved, starts, Some(ends))
}

/// One alert, reported by any number of senders, each named by one letter.
#[derive(Default)]
struct Alert {
    next: i64,
    latest: Option<Incident>,
    sender_states: Vec<(i64, SenderState)>,
    /// Whether the next report has different content.
    is_changed: bool,
}

impl Alert {
    fn receive(&mut self, now: i64, sender: &'static str, update: &AlertUpdate) -> Transition {
        self.next += 1;
        let sender = i64::from(sender.as_bytes()[0]);
        let result = transition(&TransitionInput {
            settings: &SETTINGS,
            now: at(now),
            new_id: self.next,
            update,
            is_changed: self.is_changed,
            sender,
            sender_states: &self.sender_states,
            latest: self.latest.as_ref(),
        });
        self.latest = Some(result.incident.clone());
        self.sender_states.retain(|(id, _)| *id != sender);
        self.sender_states.push((sender, result.sender_state));
        result
    }

    fn state(&self) -> Option<IncidentState> {
        self.latest.as_ref().map(|incident| incident.state)
    }

    fn outcome(&mut self, now: i64, sender: &'static str, update: &AlertUpdate) -> Outcome {
        self.receive(now, sender, update).outcome
    }
}

#[test]
fn an_alert_opens_and_resolves() {
    let mut alert = Alert::default();
    let opened = alert.receive(10, "a", &firing(0));
    assert_eq!(opened.outcome, Outcome::Opened);
    assert_eq!(opened.incident.starts_at, at(0));
    let closed = alert.receive(70, "a", &resolved(0, 60));
    assert_eq!(closed.outcome, Outcome::Resolved);
    assert_eq!(closed.incident.state, IncidentState::Resolved);
    assert_eq!(closed.incident.ends_at, Some(at(60)));
    assert_eq!(closed.incident.id, opened.incident.id);
}

#[test]
fn a_repeat_is_a_duplicate_within_the_window_and_logged_after_it() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    assert_eq!(alert.outcome(100, "a", &firing(0)), Outcome::Duplicate);
    // The window counts from the entry and is never extended.
    assert_eq!(alert.outcome(299, "a", &firing(0)), Outcome::Duplicate);
    let repeated = alert.receive(300, "a", &firing(0));
    assert_eq!(repeated.outcome, Outcome::Repeated);
    assert_eq!(repeated.incident.times_received, 2);
    assert_eq!(alert.outcome(599, "a", &firing(0)), Outcome::Duplicate);
}

#[test]
fn the_other_peers_copy_counts_its_sender_once() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    assert_eq!(alert.receive(1, "b", &firing(0)).incident.senders, 2);
    assert_eq!(alert.receive(2, "b", &firing(0)).incident.senders, 2);
    assert_eq!(alert.receive(3, "a", &firing(0)).incident.senders, 2);
}

#[test]
fn a_firing_after_its_close_is_out_of_order_and_its_retry_a_duplicate() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    alert.receive(60, "a", &resolved(0, 50));
    let out_of_order = alert.receive(61, "b", &firing(0));
    assert_eq!(out_of_order.outcome, Outcome::OutOfOrder);
    assert_eq!(out_of_order.incident.state, IncidentState::Resolved);
    assert_eq!(alert.outcome(62, "b", &firing(0)), Outcome::Duplicate);
    assert_eq!(alert.outcome(63, "b", &resolved(0, 50)), Outcome::Duplicate);
}

#[test]
fn a_firing_after_the_same_senders_close_opens_an_incident() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    let first = alert.receive(60, "a", &resolved(0, 50)).incident;
    let again = alert.receive(70, "a", &firing(0));
    assert_eq!(again.outcome, Outcome::Opened);
    assert_eq!(again.incident.previous, Some(first.id));
    // The reported start is the old one, but the incident cannot begin before that close.
    assert_eq!(again.incident.starts_at, at(50));
}

#[test]
fn a_copy_of_the_previous_close_does_not_end_an_incident_with_the_old_start() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    alert.receive(60, "a", &resolved(0, 50));
    alert.receive(70, "a", &firing(0));
    let skewed = AlertUpdate {
        ends_at: Some(at(50).plus(Duration::from_millis(1))),
        ..resolved(0, 50)
    };
    let copy = alert.receive(71, "b", &skewed);
    assert_eq!(copy.outcome, Outcome::OutOfOrder);
    assert!(copy.incident.is_open());
    assert_eq!(alert.outcome(72, "b", &firing(0)), Outcome::Duplicate);
    assert_eq!(alert.outcome(90, "b", &resolved(0, 80)), Outcome::Resolved);
}

#[test]
fn an_old_resolution_does_not_close_a_newer_incident() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    alert.receive(60, "a", &resolved(0, 50));
    alert.receive(110, "a", &firing(100));
    assert_eq!(
        alert.outcome(111, "b", &resolved(0, 50)),
        Outcome::OutOfOrder
    );
    assert!(alert.latest.is_some_and(|incident| incident.is_open()));
}

#[test]
fn the_earliest_start_wins_but_not_one_before_the_previous_close() {
    let mut alert = Alert::default();
    alert.receive(1000, "a", &firing(900));
    assert_eq!(
        alert.receive(1001, "a", &firing(300)).incident.starts_at,
        at(300)
    );
    alert.receive(1100, "a", &resolved(300, 1050));
    alert.receive(1200, "a", &firing(1150));
    assert_eq!(
        alert.receive(1201, "b", &firing(300)).incident.starts_at,
        at(1150)
    );
    assert_eq!(
        alert.receive(1202, "a", &firing(1060)).incident.starts_at,
        at(1060)
    );
}

#[test]
fn a_stale_incident_that_fires_again_expires_and_a_new_one_opens() {
    let mut alert = Alert::default();
    let first = alert.receive(0, "a", &firing(0)).incident;
    let later = 9 * 3600 + 1;
    assert!(first.is_stale(at(later), SETTINGS.stale_after));
    assert!(!first.is_stale(at(later - 1), SETTINGS.stale_after));
    let result = alert.receive(later, "a", &firing(0));
    assert_eq!(result.outcome, Outcome::Opened);
    let expired = result.expired.expect("the first one has expired");
    assert_eq!(
        (expired.id, expired.state, expired.ends_at),
        (first.id, IncidentState::Expired, Some(at(0)))
    );
    assert_eq!(result.incident.previous, Some(first.id));
    assert_eq!(result.incident.starts_at, at(0));
}

#[test]
fn a_start_after_the_last_update_shows_a_missed_resolution() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    // Within the window it may be a moved start.
    assert_eq!(alert.outcome(301, "a", &firing(300)), Outcome::Repeated);
    let result = alert.receive(1000, "a", &firing(602));
    assert_eq!(result.outcome, Outcome::Opened);
    assert!(result.expired.is_some());
    assert_eq!(result.incident.starts_at, at(602));
}

#[test]
fn a_start_in_the_future_opens_one_incident_only() {
    let mut alert = Alert::default();
    assert_eq!(alert.outcome(0, "a", &firing(5000)), Outcome::Opened);
    assert_eq!(alert.outcome(400, "a", &firing(5000)), Outcome::Repeated);
    assert_eq!(
        alert.outcome(500, "a", &resolved(5000, 6000)),
        Outcome::Resolved
    );
}

#[test]
fn an_end_in_the_future_does_not_hide_a_firing_before_it() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    alert.receive(10, "a", &resolved(0, 1_000_000));
    assert_eq!(alert.outcome(100, "b", &firing(50)), Outcome::Opened);
}

#[test]
fn a_resolution_of_an_unknown_alert_is_recorded_as_resolved() {
    let mut alert = Alert::default();
    let recorded = alert.receive(100, "a", &resolved(0, 50));
    assert_eq!(recorded.outcome, Outcome::Resolved);
    assert_eq!(recorded.incident.starts_at, at(0));
    assert_eq!(recorded.incident.ends_at, Some(at(50)));
    assert_eq!(
        alert.outcome(101, "a", &resolved(0, 50)),
        Outcome::Duplicate
    );
    assert_eq!(alert.outcome(500, "a", &resolved(0, 50)), Outcome::Repeated);
}

#[test]
fn an_incident_of_which_only_the_end_was_reported_is_recorded() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    let first = alert.receive(60, "a", &resolved(0, 50)).incident;
    let second = alert.receive(200, "a", &resolved(100, 150));
    assert_eq!(second.outcome, Outcome::Resolved);
    assert_eq!(second.incident.previous, Some(first.id));
    assert_eq!(
        alert.outcome(201, "b", &resolved(0, 50)),
        Outcome::OutOfOrder
    );
}

#[test]
fn missing_times_default_to_the_time_of_receipt() {
    let mut alert = Alert::default();
    let bare = |status| AlertUpdate {
        status,
        starts_at: None,
        ends_at: None,
    };
    assert_eq!(
        alert.receive(10, "a", &bare(Firing)).incident.starts_at,
        at(10)
    );
    let closed = alert.receive(10, "a", &bare(Resolved));
    assert_eq!(closed.outcome, Outcome::Resolved);
    assert_eq!(closed.incident.ends_at, Some(at(10)));
    assert_eq!(alert.outcome(20, "a", &bare(Resolved)), Outcome::Duplicate);
    assert_eq!(alert.outcome(30, "a", &bare(Firing)), Outcome::Opened);
}

#[test]
fn a_resolution_that_starts_after_its_end_is_counted_once() {
    let mut alert = Alert::default();
    assert_eq!(alert.outcome(0, "a", &resolved(100, 50)), Outcome::Resolved);
    assert_eq!(
        alert.outcome(1, "a", &resolved(100, 50)),
        Outcome::Duplicate
    );
}

#[test]
fn a_delayed_copy_under_the_same_name_leaves_no_incident_open() {
    let mut alert = Alert::default();
    let first = alert.receive(0, "a", &firing(0)).incident;
    let close = alert.receive(60, "a", &resolved(0, 50));
    assert_eq!(close.outcome, Outcome::Resolved);
    let copy = alert.receive(73, "a", &firing(0));
    assert_eq!(copy.outcome, Outcome::Opened);
    assert!(copy.suspected_copy);
    assert_eq!(copy.incident.previous, Some(first.id));
    let end = alert.receive(73, "a", &resolved(0, 50));
    assert_eq!(end.outcome, Outcome::Resolved);
    assert_eq!(end.incident.end_reason, Some(EndReason::Copy));
    assert_eq!(end.incident.ends_at, Some(end.incident.starts_at));
    assert_eq!(alert.outcome(80, "a", &resolved(0, 50)), Outcome::Duplicate);
    assert_eq!(alert.state(), Some(IncidentState::Resolved));
}

#[test]
fn a_real_refiring_with_the_old_start_is_resolved_by_its_own_end() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    alert.receive(60, "a", &resolved(0, 50));
    assert_eq!(alert.outcome(70, "a", &firing(0)), Outcome::Opened);
    let end = alert.receive(100, "a", &resolved(0, 90));
    assert_eq!(end.outcome, Outcome::Resolved);
    assert_eq!(end.incident.end_reason, Some(EndReason::Resolved));
    assert_eq!(end.incident.ends_at, Some(at(90)));
    assert_eq!(
        alert.outcome(101, "a", &resolved(0, 90)),
        Outcome::Duplicate
    );
}

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
        alert.receive(0, "a", &opening);
        let closed = alert.receive(10, "a", &closing);
        assert_eq!(closed.outcome, Outcome::Resolved, "{closing:?}");
        assert_eq!(closed.incident.ends_at, Some(at(end)), "{closing:?}");
        assert_eq!(alert.outcome(11, "a", &closing), Outcome::Duplicate);
    }
}

#[test]
fn odd_times_close_an_incident_that_has_a_predecessor() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    alert.receive(60, "a", &resolved(0, 50));
    alert.receive(70, "a", &firing(65));
    // It ends before the previous incident did, and no other sender reports it as firing.
    let closed = alert.receive(
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

#[test]
fn a_delayed_resolution_under_another_name_closes_no_incident() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    alert.receive(60, "a", &resolved(0, 50));
    alert.receive(70, "a", &firing(0));
    assert_eq!(
        alert.outcome(71, "b", &resolved(0, 50)),
        Outcome::OutOfOrder
    );
    assert_eq!(alert.outcome(72, "a", &resolved(0, 90)), Outcome::Resolved);
    alert.receive(110, "a", &firing(105));
    assert_eq!(
        alert.outcome(111, "b", &resolved(0, 90)),
        Outcome::OutOfOrder
    );
    assert_eq!(alert.state(), Some(IncidentState::Open));
}

#[test]
fn a_close_hides_an_older_firing_for_the_window_only() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    alert.receive(60, "a", &resolved(0, 50));
    assert_eq!(alert.outcome(61, "b", &firing(0)), Outcome::OutOfOrder);
    assert_eq!(alert.outcome(359, "b", &firing(0)), Outcome::Duplicate);
    let opened = alert.receive(360, "b", &firing(0));
    assert_eq!(opened.outcome, Outcome::Opened);
    assert!(!opened.suspected_copy);
    assert_eq!(opened.incident.starts_at, at(50));
    // A repeat of the close does not restart the window.
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    alert.receive(60, "a", &resolved(0, 50));
    assert_eq!(alert.outcome(400, "a", &resolved(0, 50)), Outcome::Repeated);
    assert_eq!(alert.outcome(401, "b", &firing(0)), Outcome::Opened);
}

#[test]
fn a_firing_after_a_persons_close_opens_a_linked_incident_after_the_window() {
    let mut alert = Alert::default();
    let first = alert.receive(0, "a", &firing(0)).incident;
    alert.latest = Some(first.closed(at(100)));
    assert_eq!(alert.outcome(200, "a", &firing(0)), Outcome::OutOfOrder);
    assert_eq!(alert.state(), Some(IncidentState::Closed));
    let again = alert.receive(400, "a", &firing(0));
    assert_eq!(again.outcome, Outcome::Opened);
    assert_eq!(again.incident.previous, Some(first.id));
    assert_eq!(again.incident.starts_at, at(100));
    assert_eq!(
        alert.outcome(500, "a", &resolved(0, 450)),
        Outcome::Resolved
    );
}

#[test]
fn a_new_start_after_a_persons_close_opens_at_once() {
    let mut alert = Alert::default();
    let first = alert.receive(0, "a", &firing(0)).incident;
    alert.latest = Some(first.closed(at(100)));
    assert_eq!(alert.outcome(130, "a", &firing(120)), Outcome::Opened);
}

#[test]
fn a_later_end_updates_only_a_resolved_incident() {
    let mut alert = Alert::default();
    let first = alert.receive(0, "a", &firing(0)).incident;
    alert.receive(60, "a", &resolved(0, 50));
    let later = alert.receive(70, "b", &resolved(0, 65));
    assert_eq!(later.outcome, Outcome::Duplicate);
    assert_eq!(later.incident.ends_at, Some(at(65)));
    alert.latest = Some(first.closed(at(100)));
    let after = alert.receive(120, "a", &resolved(0, 110));
    assert_eq!(after.incident.ends_at, Some(at(100)));
    assert_eq!(after.incident.state, IncidentState::Closed);
}

#[test]
fn changed_content_gets_an_entry_at_most_once_a_minute() {
    let mut alert = Alert::default();
    alert.receive(0, "a", &firing(0));
    alert.is_changed = true;
    assert_eq!(alert.outcome(30, "a", &firing(0)), Outcome::Updated);
    assert_eq!(alert.outcome(89, "a", &firing(0)), Outcome::Duplicate);
    assert_eq!(alert.outcome(90, "a", &firing(0)), Outcome::Updated);
    // An update does not extend the window.
    let repeated = alert.receive(300, "a", &firing(0));
    assert_eq!(repeated.outcome, Outcome::Repeated);
    assert_eq!(repeated.incident.times_received, 2);
    alert.receive(310, "a", &resolved(0, 305));
    let overtaken = alert.receive(311, "b", &firing(0));
    assert_eq!(overtaken.outcome, Outcome::OutOfOrder);
    assert!(!overtaken.updates_content());
}
