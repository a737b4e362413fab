use std::time::Duration;

use super::{Claim, EndReason, Episode, Hearing, Judgement, Memory, Rules, State, Verdict, judge};
use crate::alert::Status::{self, Firing, Resolved};
use crate::time::Timestamp;

const RULES: Rules = Rules {
    window: Duration::from_secs(300),
    stale_after: Duration::from_secs(9 * 3600),
};

/// Seconds after an arbitrary beginning.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_700_000_000 + seconds) * 1_000_000)
}

fn claim(status: Status, starts: i64, ends: Option<i64>) -> Claim {
    Claim {
        status,
        starts_at: Some(at(starts)),
        ends_at: ends.map(at),
    }
}

fn firing(starts: i64) -> Claim {
    claim(Firing, starts, None)
}

fn resolved(starts: i64, ends: i64) -> Claim {
    claim(Resolved, starts, Some(ends))
}

/// One alert, told by any number of senders, each of one letter.
#[derive(Default)]
struct Alert {
    next: i64,
    latest: Option<Episode>,
    told: Vec<(i64, Memory)>,
    /// Whether what is heard next has other content.
    is_changed: bool,
}

impl Alert {
    fn hears(&mut self, now: i64, sender: &'static str, claim: &Claim) -> Judgement {
        self.next += 1;
        let sender = i64::from(sender.as_bytes()[0]);
        let judgement = judge(&Hearing {
            rules: &RULES,
            now: at(now),
            new_id: self.next,
            claim,
            is_changed: self.is_changed,
            sender,
            told: &self.told,
            latest: self.latest.as_ref(),
        });
        self.latest = Some(judgement.episode.clone());
        self.told.retain(|(who, _)| *who != sender);
        self.told.push((sender, judgement.memory));
        judgement
    }

    fn state(&self) -> Option<State> {
        self.latest.as_ref().map(|episode| episode.state)
    }

    fn verdict(&mut self, now: i64, sender: &'static str, claim: &Claim) -> Verdict {
        self.hears(now, sender, claim).verdict
    }
}

#[test]
fn an_alert_opens_and_resolves() {
    let mut alert = Alert::default();
    let opened = alert.hears(10, "a", &firing(0));
    assert_eq!(opened.verdict, Verdict::Opened);
    assert_eq!(opened.episode.starts_at, at(0));
    let closed = alert.hears(70, "a", &resolved(0, 60));
    assert_eq!(closed.verdict, Verdict::Resolved);
    assert_eq!(closed.episode.state, State::Resolved);
    assert_eq!(closed.episode.ends_at, Some(at(60)));
    assert_eq!(closed.episode.id, opened.episode.id);
}

#[test]
fn a_repeat_is_seen_again_within_the_window_and_refreshed_after_it() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    assert_eq!(alert.verdict(100, "a", &firing(0)), Verdict::SeenAgain);
    // The window counts from the entry and is never extended.
    assert_eq!(alert.verdict(299, "a", &firing(0)), Verdict::SeenAgain);
    let refreshed = alert.hears(300, "a", &firing(0));
    assert_eq!(refreshed.verdict, Verdict::Refreshed);
    assert_eq!(refreshed.episode.occurrences, 2);
    assert_eq!(alert.verdict(599, "a", &firing(0)), Verdict::SeenAgain);
}

#[test]
fn the_other_peers_copy_counts_its_sender_once() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    assert_eq!(alert.hears(1, "b", &firing(0)).episode.senders, 2);
    assert_eq!(alert.hears(2, "b", &firing(0)).episode.senders, 2);
    assert_eq!(alert.hears(3, "a", &firing(0)).episode.senders, 2);
}

#[test]
fn a_firing_overtaken_by_its_close_is_late_and_its_retry_is_counted_once() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    let late = alert.hears(61, "b", &firing(0));
    assert_eq!(late.verdict, Verdict::Late);
    assert_eq!(late.episode.state, State::Resolved);
    assert_eq!(alert.verdict(62, "b", &firing(0)), Verdict::SeenAgain);
    assert_eq!(alert.verdict(63, "b", &resolved(0, 50)), Verdict::SeenAgain);
}

#[test]
fn a_sender_that_told_the_close_and_fires_again_is_believed() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    let first = alert.hears(60, "a", &resolved(0, 50)).episode;
    let again = alert.hears(70, "a", &firing(0));
    assert_eq!(again.verdict, Verdict::Opened);
    assert_eq!(again.episode.previous, Some(first.id));
    // Its start is the old one, but the episode cannot begin before that close.
    assert_eq!(again.episode.starts_at, at(50));
}

#[test]
fn a_copy_of_the_previous_close_does_not_end_an_episode_with_the_old_start() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    alert.hears(70, "a", &firing(0));
    let skewed = Claim {
        ends_at: Some(at(50).plus(Duration::from_millis(1))),
        ..resolved(0, 50)
    };
    let copy = alert.hears(71, "b", &skewed);
    assert_eq!(copy.verdict, Verdict::Late);
    assert!(copy.episode.is_open());
    assert_eq!(alert.verdict(72, "b", &firing(0)), Verdict::SeenAgain);
    assert_eq!(alert.verdict(90, "b", &resolved(0, 80)), Verdict::Resolved);
}

#[test]
fn an_old_resolution_does_not_close_a_newer_episode() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    alert.hears(110, "a", &firing(100));
    assert_eq!(alert.verdict(111, "b", &resolved(0, 50)), Verdict::Late);
    assert!(alert.latest.is_some_and(|episode| episode.is_open()));
}

#[test]
fn the_earliest_start_wins_but_not_one_before_the_previous_close() {
    let mut alert = Alert::default();
    alert.hears(1000, "a", &firing(900));
    assert_eq!(
        alert.hears(1001, "a", &firing(300)).episode.starts_at,
        at(300)
    );
    alert.hears(1100, "a", &resolved(300, 1050));
    alert.hears(1200, "a", &firing(1150));
    assert_eq!(
        alert.hears(1201, "b", &firing(300)).episode.starts_at,
        at(1150)
    );
    assert_eq!(
        alert.hears(1202, "a", &firing(1060)).episode.starts_at,
        at(1060)
    );
}

#[test]
fn a_stale_incident_that_fires_again_expires_and_a_new_one_opens() {
    let mut alert = Alert::default();
    let first = alert.hears(0, "a", &firing(0)).episode;
    let later = 9 * 3600 + 1;
    assert!(first.is_stale(at(later), RULES.stale_after));
    assert!(!first.is_stale(at(later - 1), RULES.stale_after));
    let judgement = alert.hears(later, "a", &firing(0));
    assert_eq!(judgement.verdict, Verdict::Opened);
    let expired = judgement.expired.expect("the first one has expired");
    assert_eq!(
        (expired.id, expired.state, expired.ends_at),
        (first.id, State::Expired, Some(at(0)))
    );
    assert_eq!(judgement.episode.previous, Some(first.id));
    assert_eq!(judgement.episode.starts_at, at(0));
}

#[test]
fn a_start_after_the_last_sighting_shows_a_missed_resolution() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    // Within the window it may be a moved start.
    assert_eq!(alert.verdict(301, "a", &firing(300)), Verdict::Refreshed);
    let judgement = alert.hears(1000, "a", &firing(602));
    assert_eq!(judgement.verdict, Verdict::Opened);
    assert!(judgement.expired.is_some());
    assert_eq!(judgement.episode.starts_at, at(602));
}

#[test]
fn a_start_in_the_future_is_not_a_new_episode_each_time() {
    let mut alert = Alert::default();
    assert_eq!(alert.verdict(0, "a", &firing(5000)), Verdict::Opened);
    assert_eq!(alert.verdict(400, "a", &firing(5000)), Verdict::Refreshed);
    assert_eq!(
        alert.verdict(500, "a", &resolved(5000, 6000)),
        Verdict::Resolved
    );
}

#[test]
fn an_end_in_the_future_does_not_hide_what_fires_until_then() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(10, "a", &resolved(0, 1_000_000));
    assert_eq!(alert.verdict(100, "b", &firing(50)), Verdict::Opened);
}

#[test]
fn a_resolution_of_something_unknown_is_recorded_closed() {
    let mut alert = Alert::default();
    let recorded = alert.hears(100, "a", &resolved(0, 50));
    assert_eq!(recorded.verdict, Verdict::Resolved);
    assert_eq!(recorded.episode.starts_at, at(0));
    assert_eq!(recorded.episode.ends_at, Some(at(50)));
    assert_eq!(
        alert.verdict(101, "a", &resolved(0, 50)),
        Verdict::SeenAgain
    );
    assert_eq!(
        alert.verdict(500, "a", &resolved(0, 50)),
        Verdict::Refreshed
    );
}

#[test]
fn an_episode_of_which_only_the_end_was_told_is_recorded() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    let first = alert.hears(60, "a", &resolved(0, 50)).episode;
    let second = alert.hears(200, "a", &resolved(100, 150));
    assert_eq!(second.verdict, Verdict::Resolved);
    assert_eq!(second.episode.previous, Some(first.id));
    assert_eq!(alert.verdict(201, "b", &resolved(0, 50)), Verdict::Late);
}

#[test]
fn missing_times_are_the_arrival() {
    let mut alert = Alert::default();
    let bare = |status| Claim {
        status,
        starts_at: None,
        ends_at: None,
    };
    assert_eq!(
        alert.hears(10, "a", &bare(Firing)).episode.starts_at,
        at(10)
    );
    let closed = alert.hears(10, "a", &bare(Resolved));
    assert_eq!(closed.verdict, Verdict::Resolved);
    assert_eq!(closed.episode.ends_at, Some(at(10)));
    assert_eq!(alert.verdict(20, "a", &bare(Resolved)), Verdict::SeenAgain);
    assert_eq!(alert.verdict(30, "a", &bare(Firing)), Verdict::Opened);
}

#[test]
fn a_resolution_that_starts_after_its_end_is_counted_once() {
    let mut alert = Alert::default();
    assert_eq!(alert.verdict(0, "a", &resolved(100, 50)), Verdict::Resolved);
    assert_eq!(
        alert.verdict(1, "a", &resolved(100, 50)),
        Verdict::SeenAgain
    );
}

/// Case (a) of the rules.
#[test]
fn a_stale_copy_under_the_same_name_leaves_nothing_open() {
    let mut alert = Alert::default();
    let first = alert.hears(0, "a", &firing(0)).episode;
    let close = alert.hears(60, "a", &resolved(0, 50));
    assert_eq!(close.verdict, Verdict::Resolved);
    let copy = alert.hears(73, "a", &firing(0));
    assert_eq!(copy.verdict, Verdict::Opened);
    assert!(copy.suspected_copy);
    assert_eq!(copy.episode.previous, Some(first.id));
    let end = alert.hears(73, "a", &resolved(0, 50));
    assert_eq!(end.verdict, Verdict::Resolved);
    assert_eq!(end.episode.end_reason, Some(EndReason::Copy));
    assert_eq!(end.episode.ends_at, Some(end.episode.starts_at));
    assert_eq!(alert.verdict(80, "a", &resolved(0, 50)), Verdict::SeenAgain);
    assert_eq!(alert.state(), Some(State::Resolved));
}

/// Case (b).
#[test]
fn a_real_refiring_with_the_old_start_is_resolved_by_its_own_end() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    assert_eq!(alert.verdict(70, "a", &firing(0)), Verdict::Opened);
    let end = alert.hears(100, "a", &resolved(0, 90));
    assert_eq!(end.verdict, Verdict::Resolved);
    assert_eq!(end.episode.end_reason, Some(EndReason::Resolved));
    assert_eq!(end.episode.ends_at, Some(at(90)));
    assert_eq!(
        alert.verdict(101, "a", &resolved(0, 90)),
        Verdict::SeenAgain
    );
}

/// Case (c).
#[test]
fn odd_times_close_the_incident() {
    let bare = |status, ends| Claim {
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
        assert_eq!(closed.verdict, Verdict::Resolved, "{closing:?}");
        assert_eq!(closed.episode.ends_at, Some(at(end)), "{closing:?}");
        assert_eq!(alert.verdict(11, "a", &closing), Verdict::SeenAgain);
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
        &Claim {
            starts_at: None,
            ..resolved(0, 40)
        },
    );
    assert_eq!(closed.verdict, Verdict::Resolved);
    assert_eq!(closed.episode.ends_at, Some(at(65)));
    assert_eq!(closed.episode.end_reason, Some(EndReason::Resolved));
}

/// Case (d).
#[test]
fn another_names_stale_resolution_hides_nothing() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    alert.hears(70, "a", &firing(0));
    assert_eq!(alert.verdict(71, "b", &resolved(0, 50)), Verdict::Late);
    assert_eq!(alert.verdict(72, "a", &resolved(0, 90)), Verdict::Resolved);
    alert.hears(110, "a", &firing(105));
    assert_eq!(alert.verdict(111, "b", &resolved(0, 90)), Verdict::Late);
    assert_eq!(alert.state(), Some(State::Open));
}

#[test]
fn a_close_hides_an_older_firing_for_the_window_only() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    assert_eq!(alert.verdict(61, "b", &firing(0)), Verdict::Late);
    assert_eq!(alert.verdict(359, "b", &firing(0)), Verdict::SeenAgain);
    let opened = alert.hears(360, "b", &firing(0));
    assert_eq!(opened.verdict, Verdict::Opened);
    assert!(!opened.suspected_copy);
    assert_eq!(opened.episode.starts_at, at(50));
    // A repeat of the close does not begin the window again.
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.hears(60, "a", &resolved(0, 50));
    assert_eq!(
        alert.verdict(400, "a", &resolved(0, 50)),
        Verdict::Refreshed
    );
    assert_eq!(alert.verdict(401, "b", &firing(0)), Verdict::Opened);
}

#[test]
fn a_firing_after_a_persons_close_opens_a_linked_incident_after_the_window() {
    let mut alert = Alert::default();
    let first = alert.hears(0, "a", &firing(0)).episode;
    alert.latest = Some(first.closed(at(100)));
    assert_eq!(alert.verdict(200, "a", &firing(0)), Verdict::Late);
    assert_eq!(alert.state(), Some(State::Closed));
    let again = alert.hears(400, "a", &firing(0));
    assert_eq!(again.verdict, Verdict::Opened);
    assert_eq!(again.episode.previous, Some(first.id));
    assert_eq!(again.episode.starts_at, at(100));
    assert_eq!(
        alert.verdict(500, "a", &resolved(0, 450)),
        Verdict::Resolved
    );
}

#[test]
fn a_new_start_after_a_persons_close_opens_at_once() {
    let mut alert = Alert::default();
    let first = alert.hears(0, "a", &firing(0)).episode;
    alert.latest = Some(first.closed(at(100)));
    assert_eq!(alert.verdict(130, "a", &firing(120)), Verdict::Opened);
}

#[test]
fn a_later_end_moves_that_of_a_resolved_incident_only() {
    let mut alert = Alert::default();
    let first = alert.hears(0, "a", &firing(0)).episode;
    alert.hears(60, "a", &resolved(0, 50));
    let later = alert.hears(70, "b", &resolved(0, 65));
    assert_eq!(later.verdict, Verdict::SeenAgain);
    assert_eq!(later.episode.ends_at, Some(at(65)));
    alert.latest = Some(first.closed(at(100)));
    let after = alert.hears(120, "a", &resolved(0, 110));
    assert_eq!(after.episode.ends_at, Some(at(100)));
    assert_eq!(after.episode.state, State::Closed);
}

#[test]
fn changed_content_gets_an_entry_at_most_once_a_minute() {
    let mut alert = Alert::default();
    alert.hears(0, "a", &firing(0));
    alert.is_changed = true;
    assert_eq!(alert.verdict(30, "a", &firing(0)), Verdict::Updated);
    assert_eq!(alert.verdict(89, "a", &firing(0)), Verdict::SeenAgain);
    assert_eq!(alert.verdict(90, "a", &firing(0)), Verdict::Updated);
    // The window is not extended by it.
    let repeated = alert.hears(300, "a", &firing(0));
    assert_eq!(repeated.verdict, Verdict::Refreshed);
    assert_eq!(repeated.episode.occurrences, 2);
    alert.hears(310, "a", &resolved(0, 305));
    let overtaken = alert.hears(311, "b", &firing(0));
    assert_eq!(overtaken.verdict, Verdict::Late);
    assert!(!overtaken.moves_content());
}
