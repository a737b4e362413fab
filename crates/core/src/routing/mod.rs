//! Which groups hear of an alert, and why.
//!
//! Whether it is mailed is decided elsewhere, from what the alert did; this is only about whom.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::alert::Labels;
use crate::matcher::Matcher;

/// What stands for the group where a test alert goes to one recipient.
const TEST: &str = "test alert";

/// One route, as people configure it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRule {
    /// Its key in the database.
    pub id: i64,
    /// What people call it; the reason named in a mail.
    pub name: String,
    /// All must match; none at all match every alert.
    pub matchers: Vec<Matcher>,
    /// The groups that hear of what it matches. None: deliberately nobody.
    pub group_ids: Vec<i64>,
    /// Whether the routes after it are tried too.
    pub continue_: bool,
    /// Whether alerts that go on firing are mailed again.
    pub repeat: bool,
}

/// A group of recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRule {
    /// Its key in the database.
    pub id: i64,
    /// Its name, which may be that of a team.
    pub name: String,
    /// Whether it hears of what nothing else matches.
    pub is_default: bool,
    /// Its enabled recipients.
    pub recipient_ids: Vec<i64>,
}

/// All routes, in order, and all groups; made once, asked for every alert.
#[derive(Clone, Debug, Default)]
pub struct RoutingRules {
    routes: Vec<RouteRule>,
    groups: Vec<GroupRule>,
    /// For each route, where in `groups` its groups are.
    targets: Vec<Vec<usize>>,
    by_name: HashMap<String, usize>,
    default: Option<usize>,
    /// Whether the group named like the team comes after the routes.
    team_route: bool,
}

/// One group that hears of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchedGroup<'p> {
    /// The route's key and name; `None` where the team or the default group decided.
    pub route: Option<(i64, &'p str)>,
    /// The group's key and name.
    pub group: (i64, &'p str),
    /// Whether the route wants alerts that go on firing mailed again.
    pub repeat: bool,
    /// The group's enabled recipients.
    pub recipient_ids: &'p [i64],
}

/// Who hears of a test alert, whatever the routes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestTarget {
    /// One recipient.
    Recipient([i64; 1]),
    /// The groups of one route, as if it had matched.
    Route(i64),
}

/// Who hears of an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutingResult<'p> {
    /// In the order of the routes. A group that two routes name is here twice, as each is a reason
    /// and may differ in `repeat`.
    pub groups: Vec<MatchedGroup<'p>>,
    /// Whether a route, or a group named like the team, matched. If not and there are no hits, the
    /// alert is unrouted, which has to be shown; if so and there are none, that is what the route
    /// was made for.
    pub matched: bool,
}

impl RoutingRules {
    /// `routes` in the order in which they are tried. A route's groups that are not among `groups`
    /// are left out; of several default groups the first counts. `team_route`: after the routes,
    /// alerts go to the group named like their team.
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

    /// Who hears of an alert with these labels.
    ///
    /// The first matching route, and those after it as long as `continue` is set on each that
    /// matches. The last of them is the team route, if it is enabled: it matches where a group is
    /// named exactly like the team, as the predecessor had it. What matches nothing goes to the
    /// default group, if there is one.
    #[must_use]
    pub fn route(&self, labels: &Labels, team: &str) -> RoutingResult<'_> {
        let (mut routed, goes_on) = self.by_routes(labels);
        if goes_on && let Some(at) = self.team_group(team) {
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

    /// Who hears of a test alert. Nobody, where the route is gone meanwhile.
    #[must_use]
    pub fn route_test_alert<'p>(&'p self, target: &'p TestTarget) -> RoutingResult<'p> {
        let hits = match target {
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
            groups: hits,
        }
    }

    /// What the routes say, and whether what comes after them is tried too.
    fn by_routes(&self, labels: &Labels) -> (RoutingResult<'_>, bool) {
        let mut routed = RoutingResult::default();
        for (route, targets) in self.routes.iter().zip(&self.targets) {
            if !route.matchers.iter().all(|matcher| matcher.matches(labels)) {
                continue;
            }
            routed.matched = true;
            let hits = targets
                .iter()
                .map(|at| self.matched_group(Some(route), *at));
            routed.groups.extend(hits);
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
