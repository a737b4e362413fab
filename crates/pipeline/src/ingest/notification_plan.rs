//! Which mail a delivery owes (rule 5): by what happened to its incidents,
//! never by its having come.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tocsin_core::alert::{Labels, Status};
use tocsin_core::lifecycle::Outcome;
use tocsin_core::routing::{RoutingResult, RoutingRules, TestTarget};
use tocsin_storage::enums::EventKind;

use super::pending::{AlertOutcome, Suspicion};
use super::prepared::PreparedAlert;

/// Neighbours that a mail names; the others are counted.
const NAMED_NEIGHBOURS: usize = 5;

/// An incident event that a mail tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlannedEvent {
    /// The log entry that tells it, by its place in the batch.
    pub(super) entry: usize,
    pub(super) incident: i64,
    pub(super) kind: EventKind,
    /// The alert's place among the delivery's readable alerts.
    pub(super) alert: usize,
}

/// The mail that one recipient is owed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PlannedNotification {
    pub(super) events: Vec<PlannedEvent>,
    /// (route, group), each once, in the order in which they came up.
    pub(super) reasons: Vec<(Option<String>, String)>,
    pub(super) still_firing: usize,
    pub(super) still_firing_names: Vec<String>,
}

/// What a delivery owes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Planned {
    /// By recipient, and whether it is held.
    pub(super) notifications: BTreeMap<(i64, bool), PlannedNotification>,
    /// Alerts that owed mail and reached nobody.
    pub(super) unrouted: usize,
}

/// Whom alerts are routed to. Routes match labels, which are only read where
/// there are routes.
#[derive(Clone, Copy)]
pub(super) struct Router<'p> {
    pub(super) plan: &'p RoutingRules,
    /// Whether there are routes.
    pub(super) routed: bool,
    /// Who is notified of a test alert.
    pub(super) target: Option<&'p TestTarget>,
}

impl<'p> Router<'p> {
    fn route(self, alert: &PreparedAlert) -> RoutingResult<'p> {
        let team = &alert.content.fields.team;
        if let Some(target) = self.target {
            self.plan.route_test_alert(target)
        } else if self.routed {
            self.plan.route(&alert.labels(), team)
        } else {
            self.plan.route(&Labels::new(), team)
        }
    }
}

/// Reckons what a delivery owes: `alerts`, and in the same order what each of
/// them did.
pub(super) fn plan_notifications(
    router: Router<'_>,
    alerts: &[PreparedAlert],
    done: &[AlertOutcome],
) -> Planned {
    let loud = done.iter().any(|done| is_state_change(done.outcome));
    let mut owed = Planned::default();
    let mut told = BTreeSet::new();
    let mut events = Vec::new();
    for (index, (alert, done)) in alerts.iter().zip(done).enumerate() {
        events.clear();
        let owing = done
            .events()
            .filter(|(_, kind)| is_notified(*kind, loud, done));
        events.extend(owing.map(|(incident, kind)| PlannedEvent {
            entry: done.entry,
            incident,
            kind,
            alert: index,
        }));
        if !events.is_empty() {
            told.insert(index);
            let held = done.suspicion == Suspicion::Suspected;
            owed.add(router, alert, &events, !loud, held);
        }
    }
    if !owed.notifications.is_empty() {
        for (index, (alert, done)) in alerts.iter().zip(done).enumerate() {
            let fires = done.open && alert.update.status == Status::Firing;
            if fires && !told.contains(&index) {
                owed.add_still_firing(router, alert);
            }
        }
    }
    owed
}

fn is_state_change(verdict: Outcome) -> bool {
    matches!(verdict, Outcome::Opened | Outcome::Resolved)
}

/// A refreshed incident is mailed only where the delivery held nothing but
/// unchanged alerts, which is Alertmanager's repeat; and not once somebody
/// knows of it, or it has ended.
fn is_notified(kind: EventKind, loud: bool, done: &AlertOutcome) -> bool {
    match kind {
        EventKind::Opened | EventKind::Resolved | EventKind::Expired | EventKind::Closed => true,
        EventKind::Refreshed => !loud && done.open && !done.acknowledged,
        EventKind::Acknowledged | EventKind::Unacknowledged => false,
    }
}

impl Planned {
    fn add(
        &mut self,
        router: Router<'_>,
        alert: &PreparedAlert,
        events: &[PlannedEvent],
        is_repeat: bool,
        held: bool,
    ) {
        let routed = router.route(alert);
        let meant_for_nobody = routed.matched && routed.groups.is_empty();
        let reaches = routed
            .groups
            .iter()
            .any(|hit| !hit.recipient_ids.is_empty());
        if !reaches && !meant_for_nobody {
            self.unrouted += 1;
        }
        for hit in routed.groups.iter().filter(|hit| hit.repeat || !is_repeat) {
            let reason = (
                hit.route.map(|(_, name)| name.to_owned()),
                hit.group.1.to_owned(),
            );
            for recipient in hit.recipient_ids {
                let draft = self.notifications.entry((*recipient, held)).or_default();
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
    fn add_still_firing(&mut self, router: Router<'_>, alert: &PreparedAlert) {
        let routed = router.route(alert);
        let recipients: BTreeSet<i64> = routed
            .groups
            .iter()
            .flat_map(|hit| hit.recipient_ids.iter().copied())
            .collect();
        for recipient in recipients {
            let Some(draft) = self.notifications.get_mut(&(recipient, false)) else {
                continue;
            };
            draft.still_firing += 1;
            if draft.still_firing_names.len() < NAMED_NEIGHBOURS {
                let facts = &alert.content.fields;
                let name = format!("{} {}", facts.alertname, facts.instance);
                draft.still_firing_names.push(name.trim_end().to_owned());
            }
        }
    }
}

impl PlannedNotification {
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
    use tocsin_core::alert::{AlertFields, ReceivedAlert};
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

    fn firing(team: &str, instance: &str) -> PreparedAlert {
        let labels: Labels = [("team".to_owned(), team.to_owned())].into();
        let said = ReceivedAlert {
            status: Status::Firing,
            fingerprint: fingerprint::of(&labels),
            fields: AlertFields {
                alertname: "Down".to_owned(),
                instance: instance.to_owned(),
                team: team.to_owned(),
                ..AlertFields::default()
            },
            labels,
            annotations: Labels::new(),
            starts_at: None,
            ends_at: None,
            generator_url: String::new(),
        };
        // Whether the labels were kept makes no difference.
        PreparedAlert::new(said, instance == "x")
    }

    /// What an alert did that told `kind`, by the entry in that place.
    fn done(verdict: Outcome, entry: usize, kind: Option<EventKind>) -> AlertOutcome {
        AlertOutcome {
            outcome: verdict,
            open: verdict != Outcome::Resolved,
            acknowledged: false,
            entry,
            expired: None,
            event: kind.map(|kind| (1, kind)),
            suspicion: Suspicion::None,
        }
    }

    fn ask(plan: &RoutingRules, alerts: &[&PreparedAlert], did: &[AlertOutcome]) -> Planned {
        let alerts: Vec<PreparedAlert> = alerts
            .iter()
            .map(|alert| firing(&alert.content.fields.team, &alert.content.fields.instance))
            .collect();
        let router = Router {
            plan,
            routed: true,
            target: None,
        };
        plan_notifications(router, &alerts, did)
    }

    fn events(owed: &Planned, recipient: i64) -> Vec<usize> {
        owed.notifications[&(recipient, false)]
            .events
            .iter()
            .map(|told| told.entry)
            .collect()
    }

    #[test]
    fn each_team_gets_its_own_alerts_and_only_those() {
        let plan = RoutingRules::new(
            vec![],
            vec![group(1, "a", &[10, 11]), group(2, "b", &[20])],
            true,
        );
        let (a, b) = (firing("a", "x"), firing("b", "y"));
        let (one, two) = (
            done(Outcome::Opened, 1, Some(EventKind::Opened)),
            done(Outcome::Opened, 2, Some(EventKind::Opened)),
        );
        let owed = ask(&plan, &[&a, &b], &[one, two]);
        assert_eq!(events(&owed, 10), [1]);
        assert_eq!(events(&owed, 11), [1]);
        assert_eq!(events(&owed, 20), [2]);
        assert_eq!(
            owed.notifications[&(20, false)].reasons,
            [(None, "b".to_owned())]
        );
        assert_eq!(owed.unrouted, 0);
    }

    #[test]
    fn unchanged_neighbours_are_named_and_cause_no_mail() {
        let plan = RoutingRules::new(vec![], vec![group(1, "a", &[10])], true);
        let (new, old) = (firing("a", "new"), firing("a", "old"));
        let opened = done(Outcome::Opened, 1, Some(EventKind::Opened));
        let again = done(Outcome::Duplicate, 2, None);
        let refreshed = done(Outcome::Repeated, 2, Some(EventKind::Refreshed));
        let owed_now = ask(&plan, &[&new, &old, &old], &[opened, again, refreshed]);
        assert_eq!(events(&owed_now, 10), [1]);
        assert_eq!(owed_now.notifications[&(10, false)].still_firing, 2);
        assert_eq!(
            owed_now.notifications[&(10, false)].still_firing_names[0],
            "Down old"
        );
        assert_eq!(ask(&plan, &[&old], &[again]), Planned::default());
    }

    #[test]
    fn a_repeat_is_mailed_unless_the_route_or_an_acknowledgement_says_no() {
        let said = firing("a", "x");
        let mut repeat = done(Outcome::Repeated, 1, Some(EventKind::Refreshed));
        let loud = RoutingRules::new(
            vec![route("r", "team=a", &[1], true)],
            vec![group(1, "g", &[10])],
            true,
        );
        let quiet = RoutingRules::new(
            vec![route("r", "team=a", &[1], false)],
            vec![group(1, "g", &[10])],
            true,
        );
        assert_eq!(events(&ask(&loud, &[&said], &[repeat]), 10), [1]);
        let silent = ask(&quiet, &[&said], &[repeat]);
        assert!(silent.notifications.is_empty());
        assert_eq!(silent.unrouted, 0);
        repeat.acknowledged = true;
        assert!(ask(&loud, &[&said], &[repeat]).notifications.is_empty());
    }

    #[test]
    fn two_ways_to_one_recipient_are_one_mail_with_two_reasons() {
        let routes = vec![
            route("r", "team=a", &[1], true),
            route("s", "team=~.*", &[2], true),
        ];
        let plan = RoutingRules::new(
            routes,
            vec![group(1, "g", &[10]), group(2, "h", &[10])],
            true,
        );
        let said = firing("a", "x");
        let mut opened = done(Outcome::Opened, 1, Some(EventKind::Opened));
        opened.expired = Some(7);
        let owed = ask(&plan, &[&said], &[opened]);
        assert_eq!(owed.notifications.len(), 1);
        let kinds: Vec<(i64, EventKind)> = owed.notifications[&(10, false)]
            .events
            .iter()
            .map(|told| (told.incident, told.kind))
            .collect();
        assert_eq!(kinds, [(7, EventKind::Expired), (1, EventKind::Opened)]);
        assert_eq!(owed.notifications[&(10, false)].reasons.len(), 2);
    }

    #[test]
    fn what_reaches_nobody_is_unrouted_unless_that_was_meant() {
        let said = firing("a", "x");
        let opened = done(Outcome::Opened, 1, Some(EventKind::Opened));
        let nothing = RoutingRules::new(vec![], vec![], true);
        assert_eq!(ask(&nothing, &[&said], &[opened]).unrouted, 1);
        let empty = RoutingRules::new(vec![], vec![group(1, "a", &[])], true);
        assert_eq!(ask(&empty, &[&said], &[opened]).unrouted, 1);
        let meant = RoutingRules::new(vec![route("drop", "team=a", &[], true)], vec![], true);
        assert_eq!(ask(&meant, &[&said], &[opened]).unrouted, 0);
    }
}
