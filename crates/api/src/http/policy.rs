//! Access policy: the one table of all endpoints and the permissions they require.
//!
//! The middleware rejects every request that is not in the table, and the OpenAPI
//! description is generated from it. Tests compare the table with the handlers. A new
//! endpoint needs an entry here.

use std::sync::LazyLock;

use tocsin_storage::enums::Role;

use super::misdirected::{self, IntendedPath};

/// Permission required by an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// None: the endpoint is public.
    Nothing,
    /// A token with the scope `ingest`, or none if the webhook accepts requests without.
    Ingest,
    /// A user, identified by a session or a proxy. Tokens are rejected.
    Person,
    /// A user or token with at least this role.
    Role(Role),
}

/// Restriction for callers who see only some alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restriction {
    /// No restriction: the response is filtered, or contains no alerts.
    No,
    /// 403: the existence of the list is not confidential.
    Forbidden,
    /// 404, as for an object that does not exist: its existence is confidential.
    NotFound,
}

/// An endpoint and its access policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint {
    /// HTTP method. HEAD is handled as GET.
    pub(crate) method: &'static str,
    /// Path, as in the OpenAPI description.
    pub(crate) path: &'static str,
    pub(crate) requirement: Requirement,
    pub(crate) restriction: Restriction,
}

const fn endpoint(method: &'static str, path: &'static str, requirement: Requirement) -> Endpoint {
    Endpoint {
        method,
        path,
        requirement,
        restriction: Restriction::No,
    }
}

const fn restricted(
    method: &'static str,
    path: &'static str,
    restriction: Restriction,
) -> Endpoint {
    Endpoint {
        method,
        path,
        requirement: VIEWER,
        restriction,
    }
}

const VIEWER: Requirement = Requirement::Role(Role::Viewer);
const RESPONDER: Requirement = Requirement::Role(Role::Responder);
const ADMIN: Requirement = Requirement::Role(Role::Admin);

/// All endpoints.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    // Probes.
    endpoint("GET", "/healthz", Requirement::Nothing),
    endpoint("GET", "/readyz", Requirement::Nothing),
    // Webhooks.
    endpoint("POST", "/api/v1/webhooks/alertmanager", Requirement::Ingest),
    endpoint("PUT", "/api/v1/webhooks/alertmanager", Requirement::Ingest),
    endpoint("POST", "/webhook", Requirement::Ingest),
    endpoint("PUT", "/webhook", Requirement::Ingest),
    endpoint("POST", "/webhook/", Requirement::Ingest),
    endpoint("PUT", "/webhook/", Requirement::Ingest),
    // Sign-in and set-up.
    endpoint("GET", "/api/v1/sign-in", Requirement::Nothing),
    endpoint("POST", "/api/v1/sign-in", Requirement::Nothing),
    endpoint("GET", "/api/v1/sign-in/oidc", Requirement::Nothing),
    endpoint("GET", "/api/v1/sign-in/oidc/callback", Requirement::Nothing),
    endpoint("POST", "/api/v1/sign-out", Requirement::Nothing),
    endpoint("POST", "/api/v1/set-up", Requirement::Nothing),
    // The account of the caller.
    endpoint("GET", "/api/v1/me", VIEWER),
    endpoint("PUT", "/api/v1/me", Requirement::Person),
    endpoint("PUT", "/api/v1/me/password", Requirement::Person),
    endpoint("GET", "/api/v1/me/sessions", Requirement::Person),
    endpoint("DELETE", "/api/v1/me/sessions", Requirement::Person),
    endpoint("DELETE", "/api/v1/me/sessions/{id}", Requirement::Person),
    // Alerts, incidents and statistics.
    endpoint("GET", "/api/v1/alerts", VIEWER),
    endpoint("GET", "/api/v1/alerts/export", VIEWER),
    endpoint("GET", "/api/v1/alerts/{id}", VIEWER),
    endpoint("POST", "/api/v1/alerts/test", RESPONDER),
    endpoint("GET", "/api/v1/incidents", VIEWER),
    endpoint("GET", "/api/v1/incidents/export", VIEWER),
    endpoint("GET", "/api/v1/incidents/{id}", VIEWER),
    endpoint("PATCH", "/api/v1/incidents/{id}", RESPONDER),
    endpoint("POST", "/api/v1/incidents/acknowledge", RESPONDER),
    endpoint("POST", "/api/v1/incidents/close", RESPONDER),
    restricted("GET", "/api/v1/deliveries", Restriction::Forbidden),
    restricted("GET", "/api/v1/deliveries/{id}", Restriction::NotFound),
    restricted("GET", "/api/v1/deliveries/{id}/raw", Restriction::NotFound),
    endpoint("GET", "/api/v1/stats/summary", VIEWER),
    endpoint("GET", "/api/v1/stats/top", VIEWER),
    endpoint("GET", "/api/v1/stats/timeline", VIEWER),
    endpoint("GET", "/api/v1/stats/heatmap", VIEWER),
    endpoint("GET", "/api/v1/events", VIEWER),
    // Notifications and their recipients.
    endpoint("GET", "/api/v1/notifications", VIEWER),
    endpoint("GET", "/api/v1/notifications/{id}", VIEWER),
    endpoint("POST", "/api/v1/notifications/{id}/resend", RESPONDER),
    endpoint("GET", "/api/v1/recipients", VIEWER),
    endpoint("POST", "/api/v1/recipients", ADMIN),
    endpoint("GET", "/api/v1/recipients/{id}", VIEWER),
    endpoint("PUT", "/api/v1/recipients/{id}", ADMIN),
    endpoint("DELETE", "/api/v1/recipients/{id}", ADMIN),
    endpoint("GET", "/api/v1/groups", VIEWER),
    endpoint("POST", "/api/v1/groups", ADMIN),
    endpoint("GET", "/api/v1/groups/{id}", VIEWER),
    endpoint("PUT", "/api/v1/groups/{id}", ADMIN),
    endpoint("DELETE", "/api/v1/groups/{id}", ADMIN),
    endpoint("GET", "/api/v1/routes", VIEWER),
    endpoint("POST", "/api/v1/routes", ADMIN),
    endpoint("PUT", "/api/v1/routes/order", ADMIN),
    endpoint("GET", "/api/v1/routes/team", VIEWER),
    endpoint("PUT", "/api/v1/routes/team", ADMIN),
    endpoint("GET", "/api/v1/routes/{id}", VIEWER),
    endpoint("PUT", "/api/v1/routes/{id}", ADMIN),
    endpoint("DELETE", "/api/v1/routes/{id}", ADMIN),
    // Accounts.
    endpoint("GET", "/api/v1/users", ADMIN),
    endpoint("POST", "/api/v1/users", ADMIN),
    endpoint("GET", "/api/v1/users/{id}", ADMIN),
    endpoint("PUT", "/api/v1/users/{id}", ADMIN),
    endpoint("DELETE", "/api/v1/users/{id}", ADMIN),
    endpoint("DELETE", "/api/v1/users/{id}/sessions", ADMIN),
    endpoint("GET", "/api/v1/tokens", ADMIN),
    endpoint("POST", "/api/v1/tokens", ADMIN),
    endpoint("GET", "/api/v1/tokens/{id}", ADMIN),
    endpoint("DELETE", "/api/v1/tokens/{id}", ADMIN),
    endpoint("GET", "/api/v1/audit", ADMIN),
    endpoint("GET", "/api/v1/audit/export", ADMIN),
    endpoint("GET", "/api/v1/audit/{id}", ADMIN),
    // System.
    endpoint("GET", "/api/v1/status", VIEWER),
    restricted("GET", "/api/v1/storage", Restriction::Forbidden),
    restricted("GET", "/metrics", Restriction::Forbidden),
    endpoint("GET", "/openapi.json", VIEWER),
    endpoint("GET", "/api/v1/openapi.json", VIEWER),
    endpoint("GET", "/docs", VIEWER),
    endpoint("GET", "/docs/{file}", VIEWER),
];

/// Target of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// An endpoint.
    Operation(&'static Endpoint),
    /// A path of the table with an unsupported method. The requirement of the endpoint
    /// determines whether an anonymous caller gets 405 or 401.
    WrongMethod(&'static Endpoint),
    /// A path that does not exist, but resembles a known one.
    Misdirected(IntendedPath),
    /// A path that does not exist, below a protected one.
    Unlisted,
    /// A static file or a page.
    Page,
}

/// Returns the target of a request. `path` must be decoded as by the router, otherwise the
/// two could disagree on the endpoint.
pub(crate) fn target(method: &str, path: &str) -> Target {
    let mut other = None;
    for endpoints in [&SORTED.fixed, &SORTED.patterns] {
        for endpoint in endpoints {
            if !matches(endpoint.path, path) {
                continue;
            }
            if endpoint.method == method {
                return Target::Operation(endpoint);
            }
            other = other.or(Some(*endpoint));
        }
        // A fixed path never matches a pattern as well.
        if let Some(endpoint) = other {
            return Target::WrongMethod(endpoint);
        }
    }
    if let Some(intended) = misdirected::intended_path(method, path) {
        return Target::Misdirected(intended);
    }
    let is_protected = ["/api", "/docs", "/metrics", "/webhook"]
        .iter()
        .any(|root| path.strip_prefix(root).is_some_and(is_below));
    if is_protected {
        Target::Unlisted
    } else {
        Target::Page
    }
}

/// Requirement of an operation in the OpenAPI description; `path` contains `{id}`.
pub(crate) fn requirement(method: &str, path: &str) -> Option<Requirement> {
    ENDPOINTS
        .iter()
        .find(|endpoint| endpoint.method == method && endpoint.path == path)
        .map(|endpoint| endpoint.requirement)
}

/// Methods supported by a path of the table.
pub(crate) fn methods(path: &str) -> Vec<&'static str> {
    let endpoints = ENDPOINTS.iter().filter(|endpoint| endpoint.path == path);
    endpoints.map(|endpoint| endpoint.method).collect()
}

/// Name of a role.
pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Responder => "responder",
        Role::Admin => "admin",
    }
}

fn is_below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// Endpoints in matching order: fixed paths before patterns.
struct SortedEndpoints {
    fixed: Vec<&'static Endpoint>,
    patterns: Vec<&'static Endpoint>,
}

static SORTED: LazyLock<SortedEndpoints> = LazyLock::new(|| {
    let (patterns, fixed) = ENDPOINTS
        .iter()
        .partition(|endpoint| endpoint.path.contains('{'));
    SortedEndpoints { fixed, patterns }
});

/// Whether a path matches a pattern. `{…}` matches one segment, `{file}` the rest.
fn matches(pattern: &str, path: &str) -> bool {
    if let Some(start) = pattern.strip_suffix("{file}") {
        return path.starts_with(start);
    }
    let mut wanted = pattern.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(want), Some(given)) if want.starts_with('{') => {
                if given.is_empty() {
                    return false;
                }
            }
            (Some(want), Some(given)) if want == given => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::document;

    fn required(method: &str, path: &str) -> Option<Requirement> {
        match target(method, path) {
            Target::Operation(endpoint) => Some(endpoint.requirement),
            _ => None,
        }
    }

    #[test]
    fn endpoints_are_found_by_path_and_method() {
        assert_eq!(required("GET", "/api/v1/alerts"), Some(VIEWER));
        assert_eq!(required("GET", "/api/v1/alerts/export"), Some(VIEWER));
        assert_eq!(required("GET", "/api/v1/alerts/7"), Some(VIEWER));
        assert_eq!(required("PATCH", "/api/v1/incidents/7"), Some(RESPONDER));
        assert_eq!(required("PUT", "/api/v1/routes/order"), Some(ADMIN));
        assert_eq!(
            required("DELETE", "/api/v1/me/sessions/3"),
            Some(Requirement::Person)
        );
        assert_eq!(required("POST", "/webhook/"), Some(Requirement::Ingest));
        assert_eq!(required("GET", "/docs/"), Some(VIEWER));
        assert_eq!(required("GET", "/docs/swagger-ui.css"), Some(VIEWER));
        assert_eq!(required("GET", "/healthz"), Some(Requirement::Nothing));
    }

    #[test]
    fn unlisted_paths_are_protected() {
        for path in [
            "/api",
            "/api/",
            "/api/v2/alerts",
            "/api/v1/alerts/",
            "/api/v1/alerts/7/8",
            "/api/v1/users//sessions",
            "/api//v1/users",
            "/metrics/",
            "/webhook/x",
        ] {
            assert!(matches!(target("GET", path), Target::Unlisted), "{path}");
        }
        for path in [
            "/",
            "/alerts",
            "/apis",
            "/sign-in",
            "/app-1.js",
            "//api/v1/users",
        ] {
            assert!(matches!(target("GET", path), Target::Page), "{path}");
        }
        for (method, path) in [
            ("DELETE", "/api/v1/alerts"),
            ("GET", "/webhook"),
            ("GET", "/api/v1/routes/order"),
            ("OPTIONS", "/api/v1/users/1"),
        ] {
            assert!(
                matches!(target(method, path), Target::WrongMethod(_)),
                "{path}"
            );
        }
    }

    /// Paths that the description omits: aliases of the webhook, and the API
    /// documentation itself.
    const UNDESCRIBED: [&str; 6] = [
        "/webhook",
        "/webhook/",
        "/openapi.json",
        "/api/v1/openapi.json",
        "/docs",
        "/docs/{file}",
    ];

    #[test]
    fn operations_and_endpoints_correspond() {
        let mut described = BTreeSet::new();
        for (path, item) in &document().paths.paths {
            for (method, exists) in [
                ("GET", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ] {
                if exists {
                    described.insert((method.to_owned(), path.clone()));
                }
            }
        }
        let listed: BTreeSet<_> = ENDPOINTS
            .iter()
            .map(|endpoint| (endpoint.method.to_owned(), endpoint.path.to_owned()))
            .collect();
        assert_eq!(listed.len(), ENDPOINTS.len(), "an endpoint is listed twice");
        let missing: Vec<_> = described.difference(&listed).collect();
        assert!(missing.is_empty(), "missing in the table: {missing:?}");
        let unknown: Vec<_> = listed
            .difference(&described)
            .filter(|(_, path)| !UNDESCRIBED.contains(&path.as_str()))
            .collect();
        assert!(unknown.is_empty(), "not in the description: {unknown:?}");
    }

    /// Viewers cannot change anything, and only administrators have access to users,
    /// tokens and the audit log.
    #[test]
    fn viewers_cannot_change_anything() {
        for endpoint in ENDPOINTS {
            let is_own = endpoint.path.starts_with("/api/v1/me");
            let changes = !matches!(endpoint.method, "GET");
            if changes {
                assert_ne!(
                    endpoint.requirement, VIEWER,
                    "{} {}",
                    endpoint.method, endpoint.path
                );
            }
            let is_account = ["users", "tokens", "audit"]
                .iter()
                .any(|kind| endpoint.path.starts_with(&format!("/api/v1/{kind}")));
            if is_account {
                assert_eq!(
                    endpoint.requirement, ADMIN,
                    "{} {}",
                    endpoint.method, endpoint.path
                );
            }
            if is_own && changes {
                assert_eq!(
                    endpoint.requirement,
                    Requirement::Person,
                    "{} {}",
                    endpoint.method,
                    endpoint.path
                );
            }
        }
    }
}
