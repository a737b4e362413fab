//! The main property of the lifecycle: any interleaving of senders, each in its own order, with any
//! retries and copies, results in the same incidents. Also the guarantees for several peers under
//! one name.

use std::ops::Range;
use std::time::Duration;

use proptest::prelude::*;

use super::{
    AlertUpdate, DedupSettings, EndReason, Incident, IncidentState, SenderState, TransitionInput,
    transition,
};
use crate::alert::Status;
use crate::time::Timestamp;

const SETTINGS: DedupSettings = DedupSettings {
    window: Duration::from_secs(300),
    stale_after: Duration::from_secs(9 * 3600),
};

/// One true firing period of the alert, in seconds.
#[derive(Clone, Debug)]
struct Truth {
    starts: i64,
    ends: Option<i64>,
}

/// Up to five firing periods. Each begins after the previous one ended or, with `refires`, with the
/// start of the previous one (the alert fired again between two evaluations of its sender). The
/// last may still be open.
///
/// `seconds` bounds the length of each period and of each gap.
fn truths(seconds: Range<i64>) -> impl Strategy<Value = Vec<Truth>> {
    let period = (seconds.clone(), seconds, prop::bool::weighted(0.3));
    (prop::collection::vec(period, 1..5), any::<bool>()).prop_map(|(periods, open)| {
        let last = periods.len() - 1;
        let mut time = 0;
        let mut start = 0;
        let mut truths = Vec::new();
        for (index, (gap, length, refires)) in periods.into_iter().enumerate() {
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

/// The reports of a sender, in order. Each sender reports ends with its own skew.
fn updates(truths: &[Truth], sender: usize) -> Vec<AlertUpdate> {
    let skew = Duration::from_millis(sender as u64);
    let mut reports = Vec::new();
    for truth in truths {
        let starts_at = Some(at(truth.starts));
        reports.push(AlertUpdate {
            status: Status::Firing,
            starts_at,
            ends_at: None,
        });
        if let Some(end) = truth.ends {
            let ends_at = Some(at(end).plus(skew));
            reports.push(AlertUpdate {
                status: Status::Resolved,
                starts_at,
                ends_at,
            });
        }
    }
    reports
}

/// The incidents, reduced to the fields that must not depend on the interleaving: state, start and
/// end, with the peers' skew rounded away.
type Outcome = Vec<(IncidentState, i64, Option<i64>)>;

fn outcome(incidents: &[Incident]) -> Outcome {
    let seconds = |time: Timestamp| time.as_micros() / 1_000_000;
    incidents
        .iter()
        .map(|e| (e.state, seconds(e.starts_at), e.ends_at.map(seconds)))
        .collect()
}

/// The incidents that result from these reports of one alert. Each peer sends under the name
/// `name_of(peer)`.
fn run(reports: &[(usize, AlertUpdate)], name_of: impl Fn(usize) -> i64) -> Vec<Incident> {
    let mut states: Vec<(i64, SenderState)> = Vec::new();
    let mut incidents: Vec<Incident> = Vec::new();
    let end_of_all = at(2000);
    for (step, (peer, report)) in reports.iter().enumerate() {
        // Every report arrives after the event, well within the window.
        let now = end_of_all.plus(Duration::from_millis(step as u64));
        let next = incidents.len() as i64 + 1;
        let name = name_of(*peer);
        let result = transition(&TransitionInput {
            settings: &SETTINGS,
            now,
            new_id: next,
            update: report,
            is_changed: false,
            sender: name,
            sender_states: &states,
            latest: incidents.last(),
        });
        states.retain(|(id, _)| *id != name);
        states.push((name, result.sender_state));
        if let Some(expired) = result.expired {
            incidents.pop();
            incidents.push(expired);
        }
        if incidents
            .last()
            .is_some_and(|last| last.id == result.incident.id)
        {
            incidents.pop();
        }
        incidents.push(result.incident);
    }
    incidents
}

/// Guarantees for several peers under one name: an incident is open exactly if the alert truly
/// fires, every true end is present, and surplus incidents have no length.
fn check(truths: &[Truth], incidents: &[Incident]) -> Result<(), TestCaseError> {
    let fires = truths.last().is_some_and(|truth| truth.ends.is_none());
    let open = incidents.last().is_some_and(Incident::is_open);
    prop_assert_eq!(open, fires, "{:?}", incidents);
    let is_near = |incident: &Incident, end: i64| {
        let ends = incident
            .ends_at
            .map(|it| it.as_micros() - at(end).as_micros());
        ends.is_some_and(|difference| difference.abs() <= 1_010_000)
    };
    for end in truths.iter().filter_map(|truth| truth.ends) {
        let found = incidents.iter().any(|incident| is_near(incident, end));
        prop_assert!(found, "no end at {} in {:?}", end, incidents);
    }
    for incident in incidents.iter().filter(|incident| !incident.is_open()) {
        let has_length = incident.ends_at.is_some_and(|end| end > incident.starts_at);
        let mut ends = truths.iter().filter_map(|truth| truth.ends);
        let is_true = ends.any(|end| is_near(incident, end));
        prop_assert!(!has_length || is_true, "{:?} never ended so", incident);
        prop_assert!(!(has_length && incident.end_reason == Some(EndReason::Copy)));
    }
    Ok(())
}

/// Draws the next sender by `choices`. With `retries`, a sender repeats its latest report,
/// regardless of the other senders' reports in between.
fn interleave(
    truths: &[Truth],
    senders: usize,
    choices: &[(usize, bool)],
) -> Vec<(usize, AlertUpdate)> {
    let scripts: Vec<Vec<AlertUpdate>> = (0..senders).map(|s| updates(truths, s)).collect();
    let mut next = vec![0usize; senders];
    let mut reports = Vec::new();
    for (choice, retries) in choices {
        let sender = choice % senders;
        let latest = next[sender].checked_sub(1);
        if let Some(report) = latest.filter(|_| *retries).map(|n| scripts[sender][n]) {
            reports.push((sender, report));
        } else if let Some(report) = scripts[sender].get(next[sender]) {
            reports.push((sender, *report));
            next[sender] += 1;
        }
    }
    for sender in 0..senders {
        for report in &scripts[sender][next[sender]..] {
            reports.push((sender, *report));
        }
    }
    reports
}

/// Adds a flush at the end: an Alertmanager whose log has the alert as resolved while it
/// fires sends it again.
fn with_flush(
    truths: &[Truth],
    mut reports: Vec<(usize, AlertUpdate)>,
) -> Vec<(usize, AlertUpdate)> {
    let last = truths.last().filter(|truth| truth.ends.is_none());
    if let Some(start) = last.map(|truth| truth.starts) {
        let firing = AlertUpdate {
            status: Status::Firing,
            starts_at: Some(at(start)),
            ends_at: None,
        };
        reports.push((0, firing));
    }
    reports
}

fn choices() -> impl Strategy<Value = Vec<(usize, bool)>> {
    prop::collection::vec((0usize..3, prop::bool::weighted(0.4)), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_interleaving_results_in_the_same_incidents(
        truths in truths(2..200),
        senders in 1usize..4,
        choices in choices(),
    ) {
        let alone: Vec<(usize, AlertUpdate)> =
            updates(&truths, 0).into_iter().map(|report| (0, report)).collect();
        let alone = outcome(&run(&alone, |_| 0));
        let together = run(&interleave(&truths, senders, &choices), |peer| peer as i64);
        prop_assert_eq!(outcome(&together), alone);
    }

    #[test]
    fn short_incidents_match_the_true_state(
        truths in truths(0..4),
        senders in 1usize..4,
        choices in choices(),
    ) {
        let reports = with_flush(&truths, interleave(&truths, senders, &choices));
        check(&truths, &run(&reports, |peer| peer as i64))?;
    }

    #[test]
    fn peers_under_one_name_leave_no_resolved_alert_open(
        truths in prop_oneof![truths(2..200), truths(0..4)],
        peers in 2usize..4,
        choices in choices(),
    ) {
        let reports = with_flush(&truths, interleave(&truths, peers, &choices));
        check(&truths, &run(&reports, |_| 0))?;
    }

    #[test]
    fn a_shared_name_beside_another_peer_is_handled(
        truths in prop_oneof![truths(2..200), truths(0..4)],
        choices in choices(),
    ) {
        let reports = with_flush(&truths, interleave(&truths, 3, &choices));
        check(&truths, &run(&reports, |peer| i64::from(peer == 2)))?;
    }
}
