//! The property of rule 3: any interleaving of senders, each in its own order,
//! with any retries and copies, ends in the same incidents; and what holds where
//! several peers bear one name.

use std::ops::Range;
use std::time::Duration;

use proptest::prelude::*;

use super::{
    AlertUpdate, DedupSettings, EndReason, Incident, IncidentState, SenderState, TransitionInput,
    transition,
};
use crate::alert::Status;
use crate::time::Timestamp;

const RULES: DedupSettings = DedupSettings {
    window: Duration::from_secs(300),
    stale_after: Duration::from_secs(9 * 3600),
};

/// One episode of the alert as it truly happened, in seconds.
#[derive(Clone, Debug)]
struct Truth {
    starts: i64,
    ends: Option<i64>,
}

/// Up to five episodes; each begins after the one before ended, or, where
/// `refires`, with the start of that one (the alert fired again between two
/// evaluations of its sender). The last may still be open.
///
/// `seconds` bounds the length of each episode and of what lies between two.
fn truths(seconds: Range<i64>) -> impl Strategy<Value = Vec<Truth>> {
    let episode = (seconds.clone(), seconds, prop::bool::weighted(0.3));
    (prop::collection::vec(episode, 1..5), any::<bool>()).prop_map(|(episodes, open)| {
        let last = episodes.len() - 1;
        let mut time = 0;
        let mut start = 0;
        let mut truths = Vec::new();
        for (index, (gap, length, refires)) in episodes.into_iter().enumerate() {
            if index == 0 || !refires {
                start = time + gap;
            }
            time += gap + length;
            let ends = (index < last || !open).then_some(time);
            truths.push(Truth {
                starts: start,
                ends,
            });
        }
        truths
    })
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_700_000_000 + seconds) * 1_000_000)
}

/// What a sender says, in its order. Each tells the ends with its own skew.
fn updates(truths: &[Truth], sender: usize) -> Vec<AlertUpdate> {
    let skew = Duration::from_millis(sender as u64);
    let mut claims = Vec::new();
    for truth in truths {
        let starts_at = Some(at(truth.starts));
        claims.push(AlertUpdate {
            status: Status::Firing,
            starts_at,
            ends_at: None,
        });
        if let Some(end) = truth.ends {
            let ends_at = Some(at(end).plus(skew));
            claims.push(AlertUpdate {
                status: Status::Resolved,
                starts_at,
                ends_at,
            });
        }
    }
    claims
}

/// The incidents, as far as they must not depend on the interleaving: state,
/// start and end, the peers' skew rounded away.
type Outcome = Vec<(IncidentState, i64, Option<i64>)>;

fn outcome(episodes: &[Incident]) -> Outcome {
    let seconds = |time: Timestamp| time.as_micros() / 1_000_000;
    episodes
        .iter()
        .map(|e| (e.state, seconds(e.starts_at), e.ends_at.map(seconds)))
        .collect()
}

/// The incidents that claims make of one alert, each by a peer that bears the
/// name `name_of(peer)`.
fn run(claims: &[(usize, AlertUpdate)], name_of: impl Fn(usize) -> i64) -> Vec<Incident> {
    let mut told: Vec<(i64, SenderState)> = Vec::new();
    let mut episodes: Vec<Incident> = Vec::new();
    let end_of_all = at(2000);
    for (step, (peer, claim)) in claims.iter().enumerate() {
        // All of it arrives after it happened, well within the window.
        let now = end_of_all.plus(Duration::from_millis(step as u64));
        let next = episodes.len() as i64 + 1;
        let name = name_of(*peer);
        let judgement = transition(&TransitionInput {
            settings: &RULES,
            now,
            new_id: next,
            update: claim,
            is_changed: false,
            sender: name,
            sender_states: &told,
            latest: episodes.last(),
        });
        told.retain(|(who, _)| *who != name);
        told.push((name, judgement.sender_state));
        if let Some(expired) = judgement.expired {
            episodes.pop();
            episodes.push(expired);
        }
        if episodes
            .last()
            .is_some_and(|last| last.id == judgement.incident.id)
        {
            episodes.pop();
        }
        episodes.push(judgement.incident);
    }
    episodes
}

/// What must hold where several peers bear one name: an incident is open exactly if
/// the alert truly fires, every true end is there, and what is surplus has no length.
fn check(truths: &[Truth], episodes: &[Incident]) -> Result<(), TestCaseError> {
    let fires = truths.last().is_some_and(|truth| truth.ends.is_none());
    let open = episodes.last().is_some_and(Incident::is_open);
    prop_assert_eq!(open, fires, "{:?}", episodes);
    let is_near = |episode: &Incident, end: i64| {
        let ends = episode
            .ends_at
            .map(|it| it.as_micros() - at(end).as_micros());
        ends.is_some_and(|difference| difference.abs() <= 1_010_000)
    };
    for end in truths.iter().filter_map(|truth| truth.ends) {
        let found = episodes.iter().any(|episode| is_near(episode, end));
        prop_assert!(found, "no end at {} in {:?}", end, episodes);
    }
    for episode in episodes.iter().filter(|episode| !episode.is_open()) {
        let has_length = episode.ends_at.is_some_and(|end| end > episode.starts_at);
        let mut ends = truths.iter().filter_map(|truth| truth.ends);
        let is_true = ends.any(|end| is_near(episode, end));
        prop_assert!(!has_length || is_true, "{:?} never ended so", episode);
        prop_assert!(!(has_length && episode.end_reason == Some(EndReason::Copy)));
    }
    Ok(())
}

/// Draws the next sender by `choices`; each tells its latest claim once more,
/// whatever the others said meanwhile, where `retries` says so.
fn interleave(
    truths: &[Truth],
    senders: usize,
    choices: &[(usize, bool)],
) -> Vec<(usize, AlertUpdate)> {
    let scripts: Vec<Vec<AlertUpdate>> = (0..senders).map(|s| updates(truths, s)).collect();
    let mut next = vec![0usize; senders];
    let mut told = Vec::new();
    for (choice, retries) in choices {
        let sender = choice % senders;
        let latest = next[sender].checked_sub(1);
        if let Some(claim) = latest.filter(|_| *retries).map(|n| scripts[sender][n]) {
            told.push((sender, claim));
        } else if let Some(claim) = scripts[sender].get(next[sender]) {
            told.push((sender, *claim));
            next[sender] += 1;
        }
    }
    for sender in 0..senders {
        for claim in &scripts[sender][next[sender]..] {
            told.push((sender, *claim));
        }
    }
    told
}

/// The same, and at the end the next flush: where an Alertmanager's log says resolved
/// and the alert fires, it sends again.
fn with_flush(
    truths: &[Truth],
    mut claims: Vec<(usize, AlertUpdate)>,
) -> Vec<(usize, AlertUpdate)> {
    let last = truths.last().filter(|truth| truth.ends.is_none());
    if let Some(start) = last.map(|truth| truth.starts) {
        let firing = AlertUpdate {
            status: Status::Firing,
            starts_at: Some(at(start)),
            ends_at: None,
        };
        claims.push((0, firing));
    }
    claims
}

fn choices() -> impl Strategy<Value = Vec<(usize, bool)>> {
    prop::collection::vec((0usize..3, prop::bool::weighted(0.4)), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_interleaving_ends_in_the_same_incidents(
        truths in truths(2..200),
        senders in 1usize..4,
        choices in choices(),
    ) {
        let alone: Vec<(usize, AlertUpdate)> =
            updates(&truths, 0).into_iter().map(|claim| (0, claim)).collect();
        let alone = outcome(&run(&alone, |_| 0));
        let together = run(&interleave(&truths, senders, &choices), |peer| peer as i64);
        prop_assert_eq!(outcome(&together), alone);
    }

    #[test]
    fn short_episodes_end_with_what_truly_holds(
        truths in truths(0..4),
        senders in 1usize..4,
        choices in choices(),
    ) {
        let claims = with_flush(&truths, interleave(&truths, senders, &choices));
        check(&truths, &run(&claims, |peer| peer as i64))?;
    }

    #[test]
    fn peers_under_one_name_leave_nothing_open_that_does_not_fire(
        truths in prop_oneof![truths(2..200), truths(0..4)],
        peers in 2usize..4,
        choices in choices(),
    ) {
        let claims = with_flush(&truths, interleave(&truths, peers, &choices));
        check(&truths, &run(&claims, |_| 0))?;
    }

    #[test]
    fn a_shared_name_beside_another_peer_is_no_obstacle(
        truths in prop_oneof![truths(2..200), truths(0..4)],
        choices in choices(),
    ) {
        let claims = with_flush(&truths, interleave(&truths, 3, &choices));
        check(&truths, &run(&claims, |peer| i64::from(peer == 2)))?;
    }
}
