//! The property of rule 3: any interleaving of senders, each in its own order,
//! with any retries and copies, ends in the same incidents.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::{Claim, Episode, Memory, Rules, State, judge};
use crate::alert::Status;
use crate::time::Timestamp;

const RULES: Rules = Rules {
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
fn truths() -> impl Strategy<Value = Vec<Truth>> {
    let episode = (2i64..200, 2i64..200, prop::bool::weighted(0.3));
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
fn claims(truths: &[Truth], sender: usize) -> Vec<Claim> {
    let skew = Duration::from_millis(sender as u64);
    let mut claims = Vec::new();
    for truth in truths {
        let starts_at = Some(at(truth.starts));
        claims.push(Claim {
            status: Status::Firing,
            starts_at,
            ends_at: None,
        });
        if let Some(end) = truth.ends {
            let ends_at = Some(at(end).plus(skew));
            claims.push(Claim {
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
type Outcome = Vec<(State, i64, Option<i64>)>;

fn run(told: &[(usize, Claim)]) -> Outcome {
    let mut memories: HashMap<usize, Memory> = HashMap::new();
    let mut episodes: Vec<Episode> = Vec::new();
    let end_of_all = at(2000);
    for (step, (sender, claim)) in told.iter().enumerate() {
        // All of it arrives after it happened, well within the window.
        let now = end_of_all.plus(Duration::from_millis(step as u64));
        let next = episodes.len() as i64 + 1;
        let judgement = judge(
            &RULES,
            now,
            next,
            claim,
            memories.get(sender),
            episodes.last(),
        );
        memories.insert(*sender, judgement.memory);
        if let Some(lost) = judgement.lost {
            episodes.pop();
            episodes.push(lost);
        }
        if episodes
            .last()
            .is_some_and(|last| last.id == judgement.episode.id)
        {
            episodes.pop();
        }
        episodes.push(judgement.episode);
    }
    let seconds = |time: Timestamp| time.as_micros() / 1_000_000;
    episodes
        .iter()
        .map(|e| (e.state, seconds(e.starts_at), e.ends_at.map(seconds)))
        .collect()
}

/// Draws the next sender by `choices`; each tells its latest claim once more,
/// whatever the others said meanwhile, where `retries` says so.
fn interleave(truths: &[Truth], senders: usize, choices: &[(usize, bool)]) -> Vec<(usize, Claim)> {
    let scripts: Vec<Vec<Claim>> = (0..senders).map(|s| claims(truths, s)).collect();
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_interleaving_ends_in_the_same_incidents(
        truths in truths(),
        senders in 1usize..4,
        choices in prop::collection::vec((0usize..3, prop::bool::weighted(0.4)), 0..60),
    ) {
        let alone: Vec<(usize, Claim)> =
            claims(&truths, 0).into_iter().map(|claim| (0, claim)).collect();
        prop_assert_eq!(run(&interleave(&truths, senders, &choices)), run(&alone));
    }
}
