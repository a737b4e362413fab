//! Which mail a delivery owes (rule 5): by what happened to its incidents,
//! never by its having come.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tocsin_core::alert::{Said, Status};
use tocsin_core::judge::Verdict;
use tocsin_core::routing::Plan;
use tocsin_storage::codes::EventKind;

use super::judging::Done;

/// Neighbours that a mail names; the others are counted.
const NAMED_NEIGHBOURS: usize = 5;

/// An incident event that a mail tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) event: i64,
    pub(super) incident: i64,
    pub(super) kind: EventKind,
    /// The alert's place among the delivery's readable alerts.
    pub(super) alert: usize,
}

/// The mail that one recipient is owed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) events: Vec<Told>,
    /// (route, group), each once, in the order in which they came up.
    pub(super) reasons: Vec<(Option<String>, String)>,
    pub(super) still_firing: usize,
    pub(super) still_firing_names: Vec<String>,
}

/// What a delivery owes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Owed {
    /// By recipient.
    pub(super) drafts: BTreeMap<i64, Draft>,
    /// Alerts that owed mail and reached nobody.
    pub(super) unrouted: usize,
}

/// Reckons what a delivery owes: `alerts` with what each of them did.
pub(super) fn owed(plan: &Plan, alerts: &[(&Said, &Done)]) -> Owed {
    let loud = alerts.iter().any(|(_, done)| is_news(done.verdict));
    let mut owed = Owed::default();
    let mut told = BTreeSet::new();
    for (index, (said, done)) in alerts.iter().enumerate() {
        let events: Vec<Told> = done
            .events
            .iter()
            .filter(|(_, _, kind)| is_mailed(*kind, loud, done))
            .map(|(event, incident, kind)| Told {
                event: *event,
                incident: *incident,
                kind: *kind,
                alert: index,
            })
            .collect();
        if !events.is_empty() {
            told.insert(index);
            owed.tell(plan, said, &events, !loud);
        }
    }
    if !owed.drafts.is_empty() {
        for (index, (said, done)) in alerts.iter().enumerate() {
            if done.open && said.status == Status::Firing && !told.contains(&index) {
                owed.name_neighbour(plan, said);
            }
        }
    }
    owed
}

fn is_news(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Opened | Verdict::Resolved)
}

/// A refreshed incident is mailed only where the delivery held nothing but
/// unchanged alerts, which is Alertmanager's repeat; and not once somebody
/// knows of it, or it has ended.
fn is_mailed(kind: EventKind, loud: bool, done: &Done) -> bool {
    match kind {
        EventKind::Opened | EventKind::Resolved | EventKind::Lost => true,
        EventKind::Refreshed => !loud && done.open && !done.acknowledged,
        EventKind::Acknowledged | EventKind::Unacknowledged => false,
    }
}

impl Owed {
    fn tell(&mut self, plan: &Plan, said: &Said, events: &[Told], is_repeat: bool) {
        let routed = plan.route(&said.labels, &said.facts.team);
        let meant_for_nobody = routed.matched && routed.hits.is_empty();
        let reaches = routed.hits.iter().any(|hit| !hit.recipient_ids.is_empty());
        if !reaches && !meant_for_nobody {
            self.unrouted += 1;
        }
        for hit in routed.hits.iter().filter(|hit| hit.repeat || !is_repeat) {
            let reason = (
                hit.route.map(|(_, name)| name.to_owned()),
                hit.group.1.to_owned(),
            );
            for recipient in hit.recipient_ids {
                let draft = self.drafts.entry(*recipient).or_default();
                // Two groups may name the same recipient.
                if draft.events.last() != events.last() {
                    draft.events.extend_from_slice(events);
                }
                if !draft.reasons.contains(&reason) {
                    draft.reasons.push(reason.clone());
                }
            }
        }
    }

    /// "Still firing: 99": for those who get mail anyway, and whose alert it is.
    fn name_neighbour(&mut self, plan: &Plan, said: &Said) {
        let routed = plan.route(&said.labels, &said.facts.team);
        let recipients: BTreeSet<i64> = routed
            .hits
            .iter()
            .flat_map(|hit| hit.recipient_ids.iter().copied())
            .collect();
        for recipient in recipients {
            let Some(draft) = self.drafts.get_mut(&recipient) else {
                continue;
            };
            draft.still_firing += 1;
            if draft.still_firing_names.len() < NAMED_NEIGHBOURS {
                let name = format!("{} {}", said.facts.alertname, said.facts.instance);
                draft.still_firing_names.push(name.trim_end().to_owned());
            }
        }
    }
}

impl Draft {
    /// The reasons as they are stored with the mail.
    pub(super) fn reasons_json(&self) -> String {
        let reasons: Vec<_> = self
            .reasons
            .iter()
            .map(|(route, group)| json!({"route": route, "group": group}))
            .collect();
        json!(reasons).to_string()
    }
}

#[cfg(test)]
mod tests {
    use tocsin_core::alert::{Facts, Labels};
    use tocsin_core::fingerprint;
    use tocsin_core::matcher::Matcher;
    use tocsin_core::routing::{GroupRule, RouteRule};

    use super::*;

    fn group(id: i64, name: &str, recipient_ids: &[i64]) -> GroupRule {
        let recipient_ids = recipient_ids.to_vec();
        GroupRule {
            id,
            name: name.to_owned(),
            is_default: false,
            recipient_ids,
        }
    }

    fn route(name: &str, matcher: &str, group_ids: &[i64], repeat: bool) -> RouteRule {
        RouteRule {
            id: 1,
            name: name.to_owned(),
            matchers: vec![matcher.parse::<Matcher>().expect("a matcher")],
            group_ids: group_ids.to_vec(),
            continue_: true,
            repeat,
        }
    }

    fn firing(team: &str, instance: &str) -> Said {
        let labels: Labels = [("team".to_owned(), team.to_owned())].into();
        Said {
            status: Status::Firing,
            fingerprint: fingerprint::of(&labels),
            facts: Facts {
                alertname: "Down".to_owned(),
                instance: instance.to_owned(),
                team: team.to_owned(),
                ..Facts::default()
            },
            labels,
            annotations: Labels::new(),
            starts_at: None,
            ends_at: None,
            generator_url: String::new(),
        }
    }

    fn done(verdict: Verdict, events: &[(i64, EventKind)]) -> Done {
        Done {
            verdict,
            open: verdict != Verdict::Resolved,
            acknowledged: false,
            events: events.iter().map(|(id, kind)| (*id, 1, *kind)).collect(),
        }
    }

    fn events(owed: &Owed, recipient: i64) -> Vec<i64> {
        owed.drafts[&recipient]
            .events
            .iter()
            .map(|told| told.event)
            .collect()
    }

    #[test]
    fn each_team_gets_its_own_alerts_and_only_those() {
        let plan = Plan::new(vec![], vec![group(1, "a", &[10, 11]), group(2, "b", &[20])]);
        let (a, b) = (firing("a", "x"), firing("b", "y"));
        let (one, two) = (
            done(Verdict::Opened, &[(1, EventKind::Opened)]),
            done(Verdict::Opened, &[(2, EventKind::Opened)]),
        );
        let owed = owed(&plan, &[(&a, &one), (&b, &two)]);
        assert_eq!(events(&owed, 10), [1]);
        assert_eq!(events(&owed, 11), [1]);
        assert_eq!(events(&owed, 20), [2]);
        assert_eq!(owed.drafts[&20].reasons, [(None, "b".to_owned())]);
        assert_eq!(owed.unrouted, 0);
    }

    #[test]
    fn unchanged_neighbours_are_named_and_cause_no_mail() {
        let plan = Plan::new(vec![], vec![group(1, "a", &[10])]);
        let (new, old) = (firing("a", "new"), firing("a", "old"));
        let opened = done(Verdict::Opened, &[(1, EventKind::Opened)]);
        let again = done(Verdict::SeenAgain, &[]);
        let refreshed = done(Verdict::Refreshed, &[(2, EventKind::Refreshed)]);
        let owed_now = owed(
            &plan,
            &[(&new, &opened), (&old, &again), (&old, &refreshed)],
        );
        assert_eq!(events(&owed_now, 10), [1]);
        assert_eq!(owed_now.drafts[&10].still_firing, 2);
        assert_eq!(owed_now.drafts[&10].still_firing_names[0], "Down old");
        assert_eq!(owed(&plan, &[(&old, &again)]), Owed::default());
    }

    #[test]
    fn a_repeat_is_mailed_unless_the_route_or_an_acknowledgement_says_no() {
        let said = firing("a", "x");
        let mut repeat = done(Verdict::Refreshed, &[(1, EventKind::Refreshed)]);
        let loud = Plan::new(
            vec![route("r", "team=a", &[1], true)],
            vec![group(1, "g", &[10])],
        );
        let quiet = Plan::new(
            vec![route("r", "team=a", &[1], false)],
            vec![group(1, "g", &[10])],
        );
        assert_eq!(events(&owed(&loud, &[(&said, &repeat)]), 10), [1]);
        let silent = owed(&quiet, &[(&said, &repeat)]);
        assert!(silent.drafts.is_empty());
        assert_eq!(silent.unrouted, 0);
        repeat.acknowledged = true;
        assert!(owed(&loud, &[(&said, &repeat)]).drafts.is_empty());
    }

    #[test]
    fn two_ways_to_one_recipient_are_one_mail_with_two_reasons() {
        let routes = vec![
            route("r", "team=a", &[1], true),
            route("s", "team=~.*", &[2], true),
        ];
        let plan = Plan::new(routes, vec![group(1, "g", &[10]), group(2, "h", &[10])]);
        let said = firing("a", "x");
        let opened = done(
            Verdict::Opened,
            &[(1, EventKind::Lost), (2, EventKind::Opened)],
        );
        let owed = owed(&plan, &[(&said, &opened)]);
        assert_eq!(owed.drafts.len(), 1);
        assert_eq!(events(&owed, 10), [1, 2]);
        assert_eq!(owed.drafts[&10].reasons.len(), 2);
    }

    #[test]
    fn what_reaches_nobody_is_unrouted_unless_that_was_meant() {
        let said = firing("a", "x");
        let opened = done(Verdict::Opened, &[(1, EventKind::Opened)]);
        let nothing = Plan::new(vec![], vec![]);
        assert_eq!(owed(&nothing, &[(&said, &opened)]).unrouted, 1);
        let empty = Plan::new(vec![], vec![group(1, "a", &[])]);
        assert_eq!(owed(&empty, &[(&said, &opened)]).unrouted, 1);
        let meant = Plan::new(vec![route("drop", "team=a", &[], true)], vec![]);
        assert_eq!(owed(&meant, &[(&said, &opened)]).unrouted, 0);
    }
}
