//! Selects the groups to notify for an alert, with the reason.
//!
//! Whether a notification is sent at all is decided elsewhere, by the alert's incident events.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::alert::Labels;
use crate::matcher::Matcher;

/// Group name for a test alert sent to a single recipient.
const TEST: &str = "test alert";

/// One configured route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRule {
    /// Database ID.
    pub id: i64,
    /// Display name, shown as the reason in a notification.
    pub name: String,
    /// All must match; an empty list matches every alert.
    pub matchers: Vec<Matcher>,
    /// The groups to notify. Empty: deliberately no recipient.
    pub group_ids: Vec<i64>,
    /// Whether the following routes are tried too.
    pub continue_: bool,
    /// Whether repeats of a firing alert are notified.
    pub repeat: bool,
}

/// A group of recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRule {
    /// Database ID.
    pub id: i64,
    /// Name; may equal the name of a team.
    pub name: String,
    /// Whether alerts without a matching route go to this group.
    pub is_default: bool,
    /// IDs of its enabled recipients.
    pub recipient_ids: Vec<i64>,
}

/// All routes in order and all groups; built once, used for every alert.
#[derive(Clone, Debug, Default)]
pub struct RoutingRules {
    routes: Vec<RouteRule>,
    groups: Vec<GroupRule>,
    /// For each route, the indexes of its groups in `groups`.
    targets: Vec<Vec<usize>>,
    by_name: HashMap<String, usize>,
    default: Option<usize>,
    /// Whether a group with the name of the team is tried after the routes.
    team_route: bool,
}

/// One group to notify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchedGroup<'p> {
    /// ID and name of the route; `None` for the team route and the default group.
    pub route: Option<(i64, &'p str)>,
    /// ID and name of the group.
    pub group: (i64, &'p str),
    /// Whether the route notifies repeats of a firing alert.
    pub repeat: bool,
    /// IDs of the group's enabled recipients.
    pub recipient_ids: &'p [i64],
}

/// Target of a test alert; the routes are not evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestTarget {
    /// One recipient.
    Recipient([i64; 1]),
    /// The groups of one route, as if it had matched.
    Route(i64),
}

/// Result of routing one alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutingResult<'p> {
    /// The groups in the order of the routes. A group that two routes name appears twice: each is a
    /// reason and may differ in `repeat`.
    pub groups: Vec<MatchedGroup<'p>>,
    /// Whether a route, or a group with the name of the team, matched. If false and `groups` is
    /// empty, the alert is unrouted, which is shown to users; if true and `groups` is empty, the
    /// route deliberately notifies no one.
    pub matched: bool,
}

impl RoutingRules {
    /// Builds the rules from `routes` in the order in which they are tried. Group IDs that are not
    /// among `groups` are ignored; of several default groups the first is used. With `team_route`,
    /// alerts go to the group with the name of their team after the routes.
    #[must_use]
    pub fn new(routes: Vec<RouteRule>, groups: Vec<GroupRule>, team_route: bool) -> Self {
        let by_id: HashMap<i64, usize> = (0..).zip(&groups).map(|(at, g)| (g.id, at)).collect();
        let targets = routes
            .iter()
            .map(|route| {
                let ids = route.group_ids.iter();
                ids.filter_map(|id| by_id.get(id).copied()).collect()
            })
            .collect();
        let by_name = (0..)
            .zip(&groups)
            .map(|(at, group)| (group.name.clone(), at))
            .collect();
        let default = groups.iter().position(|group| group.is_default);
        Self {
            routes,
            groups,
            targets,
            by_name,
            default,
            team_route,
        }
    }

    /// Selects the groups for an alert with these labels.
    ///
    /// The first matching route applies, and the following ones while each matching route has
    /// `continue` set. The team route, if enabled, is the last one: it matches a group whose name
    /// equals the team, as in the predecessor. Alerts without a match go to the default group, if
    /// there is one.
    #[must_use]
    pub fn route(&self, labels: &Labels, team: &str) -> RoutingResult<'_> {
        let (mut routed, continues) = self.by_routes(labels);
        if continues && let Some(at) = self.team_group(team) {
            routed.matched = true;
            routed.groups.push(self.matched_group(None, at));
        }
        if !routed.matched {
            routed
                .groups
                .extend(self.default.map(|at| self.matched_group(None, at)));
        }
        routed
    }

    /// Selects the groups for a test alert; no groups if the route does not exist.
    #[must_use]
    pub fn route_test_alert<'p>(&'p self, target: &'p TestTarget) -> RoutingResult<'p> {
        let groups = match target {
            TestTarget::Recipient(id) => vec![MatchedGroup {
                route: None,
                group: (0, TEST),
                repeat: true,
                recipient_ids: id,
            }],
            TestTarget::Route(id) => {
                let mut all = self.routes.iter().zip(&self.targets);
                let found = all.find(|(route, _)| route.id == *id);
                found.map_or_else(Vec::new, |(route, targets)| {
                    let targets = targets.iter();
                    targets
                        .map(|at| self.matched_group(Some(route), *at))
                        .collect()
                })
            }
        };
        RoutingResult {
            matched: true,
            groups,
        }
    }

    /// Evaluates the configured routes; also returns whether the team route is tried.
    fn by_routes(&self, labels: &Labels) -> (RoutingResult<'_>, bool) {
        let mut routed = RoutingResult::default();
        for (route, targets) in self.routes.iter().zip(&self.targets) {
            if !route.matchers.iter().all(|matcher| matcher.matches(labels)) {
                continue;
            }
            routed.matched = true;
            let groups = targets
                .iter()
                .map(|at| self.matched_group(Some(route), *at));
            routed.groups.extend(groups);
            if !route.continue_ {
                return (routed, false);
            }
        }
        (routed, true)
    }

    fn team_group(&self, team: &str) -> Option<usize> {
        if !self.team_route || team.is_empty() {
            return None;
        }
        self.by_name.get(team).copied()
    }

    fn matched_group<'p>(&'p self, route: Option<&'p RouteRule>, at: usize) -> MatchedGroup<'p> {
        let group = &self.groups[at];
        MatchedGroup {
            route: route.map(|route| (route.id, route.name.as_str())),
            group: (group.id, &group.name),
            repeat: route.is_none_or(|route| route.repeat),
            recipient_ids: &group.recipient_ids,
        }
    }
}
