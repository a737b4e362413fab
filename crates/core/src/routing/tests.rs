//! Routing of alerts to groups.

use super::*;
use crate::matcher::parse_list;

fn labels(labels: &[(&str, &str)]) -> Labels {
    let owned = labels
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    owned.collect()
}

fn route(id: i64, matchers: &str, group_ids: &[i64]) -> RouteRule {
    RouteRule {
        id,
        name: format!("route {id}"),
        matchers: parse_list(matchers).unwrap(),
        group_ids: group_ids.to_vec(),
        continue_: false,
        repeat: true,
    }
}

fn continued(rule: RouteRule) -> RouteRule {
    RouteRule {
        continue_: true,
        ..rule
    }
}

fn group(id: i64, name: &str) -> GroupRule {
    GroupRule {
        id,
        name: name.to_owned(),
        is_default: name == "default",
        recipient_ids: vec![id * 10, id * 10 + 1],
    }
}

/// The IDs of route (0 for none) and group of each match, and whether a route matched.
fn routed(rules: &RoutingRules, set: &[(&str, &str)], team: &str) -> (Vec<(i64, i64)>, bool) {
    let routed = rules.route(&labels(set), team);
    let ids = |hit: &MatchedGroup<'_>| (hit.route.map_or(0, |route| route.0), hit.group.0);
    (routed.groups.iter().map(ids).collect(), routed.matched)
}

#[test]
fn without_routes_the_team_selects_the_group() {
    let rules = RoutingRules::new(vec![], vec![group(1, "dba"), group(2, "web")], true);
    assert_eq!(routed(&rules, &[], "web"), (vec![(0, 2)], true));
    assert_eq!(routed(&rules, &[], "Web"), (vec![], false));
    assert_eq!(routed(&rules, &[], ""), (vec![], false));
    let hits = rules.route(&Labels::new(), "dba").groups;
    assert_eq!(
        hits,
        [MatchedGroup {
            route: None,
            group: (1, "dba"),
            repeat: true,
            recipient_ids: &[10, 11],
        }]
    );
}

#[test]
fn the_team_route_is_last() {
    let rules = |team_route| {
        let routes = vec![route(7, "job=db", &[1]), continued(route(8, "a=1", &[2]))];
        RoutingRules::new(routes, vec![group(1, "dba"), group(2, "web")], team_route)
    };
    assert_eq!(routed(&rules(true), &[], "dba"), (vec![(0, 1)], true));
    let set = [("job", "db")];
    assert_eq!(routed(&rules(true), &set, "web"), (vec![(7, 1)], true));
    let set = [("a", "1")];
    assert_eq!(
        routed(&rules(true), &set, "dba"),
        (vec![(8, 2), (0, 1)], true)
    );
    assert_eq!(routed(&rules(false), &set, "dba"), (vec![(8, 2)], true));
    assert_eq!(routed(&rules(false), &[], "dba"), (vec![], false));
}

#[test]
fn a_test_alert_goes_to_its_target() {
    let rules = RoutingRules::new(vec![route(7, "job=db", &[1])], vec![group(1, "dba")], true);
    let groups = |target| {
        let routed = rules.route_test_alert(&target);
        let ids = |hit: &MatchedGroup<'_>| (hit.group.0, hit.recipient_ids.to_vec());
        routed.groups.iter().map(ids).collect::<Vec<_>>()
    };
    assert_eq!(groups(TestTarget::Recipient([5])), [(0, vec![5])]);
    assert_eq!(groups(TestTarget::Route(7)), [(1, vec![10, 11])]);
    assert_eq!(groups(TestTarget::Route(9)), []);
}

#[test]
fn the_first_matching_route_applies() {
    let rules = RoutingRules::new(
        vec![
            route(1, "severity=critical,team=web", &[1]),
            route(2, "team=web", &[2, 1]),
            route(3, "", &[3]),
        ],
        vec![group(1, "a"), group(2, "b"), group(3, "c")],
        true,
    );
    let critical = [("severity", "critical"), ("team", "web")];
    assert_eq!(routed(&rules, &critical, ""), (vec![(1, 1)], true));
    assert_eq!(
        routed(&rules, &critical[1..], ""),
        (vec![(2, 2), (2, 1)], true)
    );
    assert_eq!(routed(&rules, &critical[..1], ""), (vec![(3, 3)], true));
}

#[test]
fn continue_tries_the_next_ones_too() {
    let rules = RoutingRules::new(
        vec![
            continued(route(1, "a=1", &[1])),
            continued(route(2, "b=1", &[2])),
            RouteRule {
                repeat: false,
                ..route(3, "a=1", &[1])
            },
            route(4, "", &[2]),
        ],
        vec![group(1, "x"), group(2, "y")],
        true,
    );
    // Route 2 does not match, so its `continue` has no effect; route 3 is the last.
    assert_eq!(
        routed(&rules, &[("a", "1")], ""),
        (vec![(1, 1), (3, 1)], true)
    );
    let set = labels(&[("a", "1")]);
    let repeats: Vec<bool> = rules
        .route(&set, "")
        .groups
        .iter()
        .map(|hit| hit.repeat)
        .collect();
    assert_eq!(repeats, [true, false]);
    assert_eq!(
        routed(&rules, &[("b", "1")], ""),
        (vec![(2, 2), (4, 2)], true)
    );
}

#[test]
fn unmatched_alerts_go_to_the_default_group() {
    let groups = || vec![group(1, "dba"), group(9, "default")];
    let by_team = RoutingRules::new(vec![], groups(), true);
    assert_eq!(routed(&by_team, &[], "web"), (vec![(0, 9)], false));
    let by_route = RoutingRules::new(vec![route(1, "a=1", &[1])], groups(), true);
    assert_eq!(routed(&by_route, &[], "web"), (vec![(0, 9)], false));
    assert_eq!(routed(&by_route, &[("a", "1")], ""), (vec![(1, 1)], true));
    assert_eq!(
        routed(&RoutingRules::default(), &[], "web"),
        (vec![], false)
    );
}

#[test]
fn a_route_without_groups_notifies_no_one() {
    let rules = RoutingRules::new(vec![route(1, "", &[])], vec![group(9, "default")], true);
    assert_eq!(routed(&rules, &[], "default"), (vec![], true));
    // A deleted group is no recipient either.
    let rules = RoutingRules::new(vec![route(1, "", &[5])], vec![group(9, "default")], true);
    assert_eq!(routed(&rules, &[], ""), (vec![], true));
}
