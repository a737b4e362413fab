//! Which mail a delivery owes (rule 5): by what happened to its incidents,
//! never by its having come.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tocsin_core::alert::{Labels, Status};
use tocsin_core::judge::Verdict;
use tocsin_core::routing::{Plan, Routed, Target};
use tocsin_storage::codes::EventKind;

use super::incoming::Alert;
use super::judging::{Done, Suspicion};

/// Neighbours that a mail names; the others are counted.
const NAMED_NEIGHBOURS: usize = 5;

/// An incident event that a mail tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The log entry that tells it, by its place in the batch.
    pub(super) entry: usize,
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
    /// By recipient, and whether it is held.
    pub(super) drafts: BTreeMap<(i64, bool), Draft>,
    /// Alerts that owed mail and reached nobody.
    pub(super) unrouted: usize,
}

/// Whom alerts are routed to. Routes match labels, which are only read where
/// there are routes.
#[derive(Clone, Copy)]
pub(super) struct Router<'p> {
    pub(super) plan: &'p Plan,
    /// Whether there are routes.
    pub(super) routed: bool,
    /// Who is notified of a test alert.
    pub(super) target: Option<&'p Target>,
}

impl<'p> Router<'p> {
    fn route(self, alert: &Alert) -> Routed<'p> {
        let team = &alert.content.facts.team;
        if let Some(target) = self.target {
            self.plan.target(target)
        } else if self.routed {
            self.plan.route(&alert.labels(), team)
        } else {
            self.plan.route(&Labels::new(), team)
        }
    }
}

/// Reckons what a delivery owes: `alerts`, and in the same order what each of
/// them did.
pub(super) fn owed(router: Router<'_>, alerts: &[Alert], done: &[Done]) -> Owed {
    let loud = done.iter().any(|done| is_news(done.verdict));
    let mut owed = Owed::default();
    let mut told = BTreeSet::new();
    let mut events = Vec::new();
    for (index, (alert, done)) in alerts.iter().zip(done).enumerate() {
        events.clear();
        let owing = done
            .events()
            .filter(|(_, kind)| is_mailed(*kind, loud, done));
        events.extend(owing.map(|(incident, kind)| Told {
            entry: done.entry,
            incident,
            kind,
            alert: index,
        }));
        if !events.is_empty() {
            told.insert(index);
            let held = done.suspicion == Suspicion::Raised;
            owed.tell(router, alert, &events, !loud, held);
        }
    }
    if !owed.drafts.is_empty() {
        for (index, (alert, done)) in alerts.iter().zip(done).enumerate() {
            let fires = done.open && alert.claim.status == Status::Firing;
            if fires && !told.contains(&index) {
                owed.name_neighbour(router, alert);
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
        EventKind::Opened | EventKind::Resolved | EventKind::Expired | EventKind::Closed => true,
        EventKind::Refreshed => !loud && done.open && !done.acknowledged,
        EventKind::Acknowledged | EventKind::Unacknowledged => false,
    }
}

impl Owed {
    fn tell(
        &mut self,
        router: Router<'_>,
        alert: &Alert,
        events: &[Told],
        is_repeat: bool,
        held: bool,
    ) {
        let routed = router.route(alert);
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
                let draft = self.drafts.entry((*recipient, held)).or_default();
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
    fn name_neighbour(&mut self, router: Router<'_>, alert: &Alert) {
        let routed = router.route(alert);
        let recipients: BTreeSet<i64> = routed
            .hits
            .iter()
            .flat_map(|hit| hit.recipient_ids.iter().copied())
            .collect();
        for recipient in recipients {
            let Some(draft) = self.drafts.get_mut(&(recipient, false)) else {
                continue;
            };
            draft.still_firing += 1;
            if draft.still_firing_names.len() < NAMED_NEIGHBOURS {
                let facts = &alert.content.facts;
                let name = format!("{} {}", facts.alertname, facts.instance);
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
    use tocsin_core::alert::{Facts, Said};
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

    fn firing(team: &str, instance: &str) -> Alert {
        let labels: Labels = [("team".to_owned(), team.to_owned())].into();
        let said = Said {
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
        };
        // Whether the labels were kept makes no difference.
        Alert::new(said, instance == "x")
    }

    /// What an alert did that told `kind`, by the entry in that place.
    fn done(verdict: Verdict, entry: usize, kind: Option<EventKind>) -> Done {
        Done {
            verdict,
            open: verdict != Verdict::Resolved,
            acknowledged: false,
            entry,
            expired: None,
            told: kind.map(|kind| (1, kind)),
            suspicion: Suspicion::None,
        }
    }

    fn ask(plan: &Plan, alerts: &[&Alert], did: &[Done]) -> Owed {
        let alerts: Vec<Alert> = alerts
            .iter()
            .map(|alert| firing(&alert.content.facts.team, &alert.content.facts.instance))
            .collect();
        let router = Router {
            plan,
            routed: true,
            target: None,
        };
        owed(router, &alerts, did)
    }

    fn events(owed: &Owed, recipient: i64) -> Vec<usize> {
        owed.drafts[&(recipient, false)]
            .events
            .iter()
            .map(|told| told.entry)
            .collect()
    }

    #[test]
    fn each_team_gets_its_own_alerts_and_only_those() {
        let plan = Plan::new(
            vec![],
            vec![group(1, "a", &[10, 11]), group(2, "b", &[20])],
            true,
        );
        let (a, b) = (firing("a", "x"), firing("b", "y"));
        let (one, two) = (
            done(Verdict::Opened, 1, Some(EventKind::Opened)),
            done(Verdict::Opened, 2, Some(EventKind::Opened)),
        );
        let owed = ask(&plan, &[&a, &b], &[one, two]);
        assert_eq!(events(&owed, 10), [1]);
        assert_eq!(events(&owed, 11), [1]);
        assert_eq!(events(&owed, 20), [2]);
        assert_eq!(owed.drafts[&(20, false)].reasons, [(None, "b".to_owned())]);
        assert_eq!(owed.unrouted, 0);
    }

    #[test]
    fn unchanged_neighbours_are_named_and_cause_no_mail() {
        let plan = Plan::new(vec![], vec![group(1, "a", &[10])], true);
        let (new, old) = (firing("a", "new"), firing("a", "old"));
        let opened = done(Verdict::Opened, 1, Some(EventKind::Opened));
        let again = done(Verdict::SeenAgain, 2, None);
        let refreshed = done(Verdict::Refreshed, 2, Some(EventKind::Refreshed));
        let owed_now = ask(&plan, &[&new, &old, &old], &[opened, again, refreshed]);
        assert_eq!(events(&owed_now, 10), [1]);
        assert_eq!(owed_now.drafts[&(10, false)].still_firing, 2);
        assert_eq!(
            owed_now.drafts[&(10, false)].still_firing_names[0],
            "Down old"
        );
        assert_eq!(ask(&plan, &[&old], &[again]), Owed::default());
    }

    #[test]
    fn a_repeat_is_mailed_unless_the_route_or_an_acknowledgement_says_no() {
        let said = firing("a", "x");
        let mut repeat = done(Verdict::Refreshed, 1, Some(EventKind::Refreshed));
        let loud = Plan::new(
            vec![route("r", "team=a", &[1], true)],
            vec![group(1, "g", &[10])],
            true,
        );
        let quiet = Plan::new(
            vec![route("r", "team=a", &[1], false)],
            vec![group(1, "g", &[10])],
            true,
        );
        assert_eq!(events(&ask(&loud, &[&said], &[repeat]), 10), [1]);
        let silent = ask(&quiet, &[&said], &[repeat]);
        assert!(silent.drafts.is_empty());
        assert_eq!(silent.unrouted, 0);
        repeat.acknowledged = true;
        assert!(ask(&loud, &[&said], &[repeat]).drafts.is_empty());
    }

    #[test]
    fn two_ways_to_one_recipient_are_one_mail_with_two_reasons() {
        let routes = vec![
            route("r", "team=a", &[1], true),
            route("s", "team=~.*", &[2], true),
        ];
        let plan = Plan::new(
            routes,
            vec![group(1, "g", &[10]), group(2, "h", &[10])],
            true,
        );
        let said = firing("a", "x");
        let mut opened = done(Verdict::Opened, 1, Some(EventKind::Opened));
        opened.expired = Some(7);
        let owed = ask(&plan, &[&said], &[opened]);
        assert_eq!(owed.drafts.len(), 1);
        let kinds: Vec<(i64, EventKind)> = owed.drafts[&(10, false)]
            .events
            .iter()
            .map(|told| (told.incident, told.kind))
            .collect();
        assert_eq!(kinds, [(7, EventKind::Expired), (1, EventKind::Opened)]);
        assert_eq!(owed.drafts[&(10, false)].reasons.len(), 2);
    }

    #[test]
    fn what_reaches_nobody_is_unrouted_unless_that_was_meant() {
        let said = firing("a", "x");
        let opened = done(Verdict::Opened, 1, Some(EventKind::Opened));
        let nothing = Plan::new(vec![], vec![], true);
        assert_eq!(ask(&nothing, &[&said], &[opened]).unrouted, 1);
        let empty = Plan::new(vec![], vec![group(1, "a", &[])], true);
        assert_eq!(ask(&empty, &[&said], &[opened]).unrouted, 1);
        let meant = Plan::new(vec![route("drop", "team=a", &[], true)], vec![], true);
        assert_eq!(ask(&meant, &[&said], &[opened]).unrouted, 0);
    }
}
