//! Plans the notifications of a delivery. Incident events trigger notifications;
//! incoming deliveries do not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tocsin_core::alert::{Labels, Status};
use tocsin_core::lifecycle::Outcome;
use tocsin_core::routing::{RoutingResult, RoutingRules, TestTarget};
use tocsin_storage::enums::EventKind;

use super::pending::{AlertOutcome, Suspicion};
use super::prepared::PreparedAlert;

/// Alerts listed by name as still firing; the others are only counted.
const MAX_STILL_FIRING_NAMES: usize = 5;

/// An incident event that a notification reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlannedEvent {
    /// Index of its log entry in the batch.
    pub(super) entry: usize,
    pub(super) incident: i64,
    pub(super) kind: EventKind,
    /// Index of the alert among the valid alerts of the delivery.
    pub(super) alert: usize,
}

/// A planned notification to one recipient.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PlannedNotification {
    pub(super) events: Vec<PlannedEvent>,
    /// (route, group) pairs without duplicates, in the order of their matches.
    pub(super) reasons: Vec<(Option<String>, String)>,
    pub(super) still_firing: usize,
    pub(super) still_firing_names: Vec<String>,
}

/// Planned notifications of a delivery.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Planned {
    /// By recipient ID and whether the notification is held.
    pub(super) notifications: BTreeMap<(i64, bool), PlannedNotification>,
    /// Alerts with a notified event and no recipient.
    pub(super) unrouted: usize,
}

/// Finds the recipients of alerts. Labels are only parsed if there are routes, which
/// match them.
#[derive(Clone, Copy)]
pub(super) struct Router<'p> {
    pub(super) plan: &'p RoutingRules,
    /// Whether there are routes.
    pub(super) routed: bool,
    /// Recipients of a test alert.
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

/// Plans the notifications of a delivery. `outcomes` has one item for each of `alerts`,
/// in the same order.
pub(super) fn plan_notifications(
    router: Router<'_>,
    alerts: &[PreparedAlert],
    outcomes: &[AlertOutcome],
) -> Planned {
    let has_state_change = outcomes
        .iter()
        .any(|result| is_state_change(result.outcome));
    let mut planned = Planned::default();
    let mut notified_alerts = BTreeSet::new();
    let mut events = Vec::new();
    for (index, (alert, result)) in alerts.iter().zip(outcomes).enumerate() {
        events.clear();
        let notified = result
            .events()
            .filter(|(_, kind)| is_notified(*kind, has_state_change, result));
        events.extend(notified.map(|(incident, kind)| PlannedEvent {
            entry: result.entry,
            incident,
            kind,
            alert: index,
        }));
        if !events.is_empty() {
            notified_alerts.insert(index);
            let held = result.suspicion == Suspicion::Suspected;
            planned.add(router, alert, &events, !has_state_change, held);
        }
    }
    if !planned.notifications.is_empty() {
        for (index, (alert, result)) in alerts.iter().zip(outcomes).enumerate() {
            let fires = result.open && alert.update.status == Status::Firing;
            if fires && !notified_alerts.contains(&index) {
                planned.add_still_firing(router, alert);
            }
        }
    }
    planned
}

fn is_state_change(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Opened | Outcome::Resolved)
}

/// Whether an event triggers a notification. A repeated alert does so only if the
/// delivery holds nothing but unchanged alerts, as Alertmanager's repeats do, and while
/// its incident is open and not acknowledged.
fn is_notified(kind: EventKind, has_state_change: bool, result: &AlertOutcome) -> bool {
    match kind {
        EventKind::Opened | EventKind::Resolved | EventKind::Expired | EventKind::Closed => true,
        EventKind::Refreshed => !has_state_change && result.open && !result.acknowledged,
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
        let is_dropped = routed.matched && routed.groups.is_empty();
        let has_recipients = routed
            .groups
            .iter()
            .any(|group| !group.recipient_ids.is_empty());
        if !has_recipients && !is_dropped {
            self.unrouted += 1;
        }
        for group in routed
            .groups
            .iter()
            .filter(|group| group.repeat || !is_repeat)
        {
            let reason = (
                group.route.map(|(_, name)| name.to_owned()),
                group.group.1.to_owned(),
            );
            for recipient in group.recipient_ids {
                let notification = self.notifications.entry((*recipient, held)).or_default();
                // Two groups may contain the same recipient.
                if notification.events.last() != events.last() {
                    notification.events.extend_from_slice(events);
                }
                if !notification.reasons.contains(&reason) {
                    notification.reasons.push(reason.clone());
                }
            }
        }
    }

    /// Adds the alert to "Still firing: 99" of its recipients that are notified anyway.
    fn add_still_firing(&mut self, router: Router<'_>, alert: &PreparedAlert) {
        let routed = router.route(alert);
        let recipients: BTreeSet<i64> = routed
            .groups
            .iter()
            .flat_map(|group| group.recipient_ids.iter().copied())
            .collect();
        for recipient in recipients {
            let Some(notification) = self.notifications.get_mut(&(recipient, false)) else {
                continue;
            };
            notification.still_firing += 1;
            if notification.still_firing_names.len() < MAX_STILL_FIRING_NAMES {
                let fields = &alert.content.fields;
                let name = format!("{} {}", fields.alertname, fields.instance);
                notification
                    .still_firing_names
                    .push(name.trim_end().to_owned());
            }
        }
    }
}

impl PlannedNotification {
    /// The reasons as JSON, as stored with the notification.
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
        let received = ReceivedAlert {
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
        // Cover both cases, labels kept and labels parsed again.
        PreparedAlert::new(received, instance == "x")
    }

    /// Outcome of an alert with event `kind`, by the index of its log entry.
    fn outcome(outcome: Outcome, entry: usize, kind: Option<EventKind>) -> AlertOutcome {
        AlertOutcome {
            outcome,
            open: outcome != Outcome::Resolved,
            acknowledged: false,
            entry,
            expired: None,
            event: kind.map(|kind| (1, kind)),
            suspicion: Suspicion::None,
        }
    }

    fn plan_for(
        plan: &RoutingRules,
        alerts: &[&PreparedAlert],
        outcomes: &[AlertOutcome],
    ) -> Planned {
        let alerts: Vec<PreparedAlert> = alerts
            .iter()
            .map(|alert| firing(&alert.content.fields.team, &alert.content.fields.instance))
            .collect();
        let router = Router {
            plan,
            routed: true,
            target: None,
        };
        plan_notifications(router, &alerts, outcomes)
    }

    fn events(planned: &Planned, recipient: i64) -> Vec<usize> {
        planned.notifications[&(recipient, false)]
            .events
            .iter()
            .map(|event| event.entry)
            .collect()
    }

    #[test]
    fn each_team_is_notified_of_its_alerts_only() {
        let plan = RoutingRules::new(
            vec![],
            vec![group(1, "a", &[10, 11]), group(2, "b", &[20])],
            true,
        );
        let (a, b) = (firing("a", "x"), firing("b", "y"));
        let (one, two) = (
            outcome(Outcome::Opened, 1, Some(EventKind::Opened)),
            outcome(Outcome::Opened, 2, Some(EventKind::Opened)),
        );
        let planned = plan_for(&plan, &[&a, &b], &[one, two]);
        assert_eq!(events(&planned, 10), [1]);
        assert_eq!(events(&planned, 11), [1]);
        assert_eq!(events(&planned, 20), [2]);
        assert_eq!(
            planned.notifications[&(20, false)].reasons,
            [(None, "b".to_owned())]
        );
        assert_eq!(planned.unrouted, 0);
    }

    #[test]
    fn unchanged_alerts_are_listed_and_trigger_no_notification() {
        let plan = RoutingRules::new(vec![], vec![group(1, "a", &[10])], true);
        let (new, old) = (firing("a", "new"), firing("a", "old"));
        let opened = outcome(Outcome::Opened, 1, Some(EventKind::Opened));
        let duplicate = outcome(Outcome::Duplicate, 2, None);
        let repeated = outcome(Outcome::Repeated, 2, Some(EventKind::Refreshed));
        let planned = plan_for(&plan, &[&new, &old, &old], &[opened, duplicate, repeated]);
        assert_eq!(events(&planned, 10), [1]);
        assert_eq!(planned.notifications[&(10, false)].still_firing, 2);
        assert_eq!(
            planned.notifications[&(10, false)].still_firing_names[0],
            "Down old"
        );
        assert_eq!(plan_for(&plan, &[&old], &[duplicate]), Planned::default());
    }

    #[test]
    fn repeat_notifies_unless_disabled_by_route_or_acknowledged() {
        let alert = firing("a", "x");
        let mut repeat = outcome(Outcome::Repeated, 1, Some(EventKind::Refreshed));
        let with_repeat = RoutingRules::new(
            vec![route("r", "team=a", &[1], true)],
            vec![group(1, "g", &[10])],
            true,
        );
        let no_repeat = RoutingRules::new(
            vec![route("r", "team=a", &[1], false)],
            vec![group(1, "g", &[10])],
            true,
        );
        assert_eq!(
            events(&plan_for(&with_repeat, &[&alert], &[repeat]), 10),
            [1]
        );
        let planned = plan_for(&no_repeat, &[&alert], &[repeat]);
        assert!(planned.notifications.is_empty());
        assert_eq!(planned.unrouted, 0);
        repeat.acknowledged = true;
        assert!(
            plan_for(&with_repeat, &[&alert], &[repeat])
                .notifications
                .is_empty()
        );
    }

    #[test]
    fn two_matches_for_one_recipient_are_one_notification_with_two_reasons() {
        let routes = vec![
            route("r", "team=a", &[1], true),
            route("s", "team=~.*", &[2], true),
        ];
        let plan = RoutingRules::new(
            routes,
            vec![group(1, "g", &[10]), group(2, "h", &[10])],
            true,
        );
        let alert = firing("a", "x");
        let mut opened = outcome(Outcome::Opened, 1, Some(EventKind::Opened));
        opened.expired = Some(7);
        let planned = plan_for(&plan, &[&alert], &[opened]);
        assert_eq!(planned.notifications.len(), 1);
        let kinds: Vec<(i64, EventKind)> = planned.notifications[&(10, false)]
            .events
            .iter()
            .map(|event| (event.incident, event.kind))
            .collect();
        assert_eq!(kinds, [(7, EventKind::Expired), (1, EventKind::Opened)]);
        assert_eq!(planned.notifications[&(10, false)].reasons.len(), 2);
    }

    #[test]
    fn alert_without_recipients_is_unrouted_unless_a_route_drops_it() {
        let alert = firing("a", "x");
        let opened = outcome(Outcome::Opened, 1, Some(EventKind::Opened));
        let no_groups = RoutingRules::new(vec![], vec![], true);
        assert_eq!(plan_for(&no_groups, &[&alert], &[opened]).unrouted, 1);
        let empty_group = RoutingRules::new(vec![], vec![group(1, "a", &[])], true);
        assert_eq!(plan_for(&empty_group, &[&alert], &[opened]).unrouted, 1);
        let dropped = RoutingRules::new(vec![route("drop", "team=a", &[], true)], vec![], true);
        assert_eq!(plan_for(&dropped, &[&alert], &[opened]).unrouted, 0);
    }
}
