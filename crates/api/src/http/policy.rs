//! Who may ask for what: one table for the whole program.
//!
//! `edge` lets nothing through that is not in it, the description of the API
//! says it (`openapi`), and tests compare the three. A new endpoint needs a line
//! here.

use std::sync::LazyLock;

use tocsin_storage::enums::Role;

use super::misdirected::{self, IntendedPath};

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// Nothing.
    Nothing,
    /// A token with the scope `ingest`; nothing where the webhook is open.
    Ingest,
    /// A person: a user's session, or a user whom a proxy names; no token.
    Person,
    /// A user or token that has this role, or a higher one.
    Role(Role),
}

/// What somebody gets who may see only some alerts, and asks for what tells of
/// all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restriction {
    /// It is narrowed to what they may see, or tells nothing of alerts.
    No,
    /// 403: that there is such a list is no secret.
    Forbidden,
    /// 404, as for what is not there: whether it is would be one.
    NotFound,
}

/// What one operation needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint {
    /// The method; HEAD is as GET.
    pub(crate) method: &'static str,
    /// The path, as the description of the API writes it.
    pub(crate) path: &'static str,
    pub(crate) needs: Requirement,
    pub(crate) hidden: Restriction,
}

const fn line(method: &'static str, path: &'static str, needs: Requirement) -> Endpoint {
    Endpoint {
        method,
        path,
        needs,
        hidden: Restriction::No,
    }
}

const fn hidden(method: &'static str, path: &'static str, hidden: Restriction) -> Endpoint {
    Endpoint {
        method,
        path,
        needs: VIEWER,
        hidden,
    }
}

const VIEWER: Requirement = Requirement::Role(Role::Viewer);
const RESPONDER: Requirement = Requirement::Role(Role::Responder);
const ADMIN: Requirement = Requirement::Role(Role::Admin);

/// Every operation there is.
pub(crate) const LINES: &[Endpoint] = &[
    // Probes have no secrets.
    line("GET", "/healthz", Requirement::Nothing),
    line("GET", "/readyz", Requirement::Nothing),
    // Where alerts come in.
    line("POST", "/api/v1/webhooks/alertmanager", Requirement::Ingest),
    line("PUT", "/api/v1/webhooks/alertmanager", Requirement::Ingest),
    line("POST", "/webhook", Requirement::Ingest),
    line("PUT", "/webhook", Requirement::Ingest),
    line("POST", "/webhook/", Requirement::Ingest),
    line("PUT", "/webhook/", Requirement::Ingest),
    // Coming in and going.
    line("GET", "/api/v1/sign-in", Requirement::Nothing),
    line("POST", "/api/v1/sign-in", Requirement::Nothing),
    line("GET", "/api/v1/sign-in/oidc", Requirement::Nothing),
    line("GET", "/api/v1/sign-in/oidc/callback", Requirement::Nothing),
    line("POST", "/api/v1/sign-out", Requirement::Nothing),
    line("POST", "/api/v1/set-up", Requirement::Nothing),
    // One's own account.
    line("GET", "/api/v1/me", VIEWER),
    line("PUT", "/api/v1/me", Requirement::Person),
    line("PUT", "/api/v1/me/password", Requirement::Person),
    line("GET", "/api/v1/me/sessions", Requirement::Person),
    line("DELETE", "/api/v1/me/sessions", Requirement::Person),
    line("DELETE", "/api/v1/me/sessions/{id}", Requirement::Person),
    // What happened.
    line("GET", "/api/v1/alerts", VIEWER),
    line("GET", "/api/v1/alerts/export", VIEWER),
    line("GET", "/api/v1/alerts/{id}", VIEWER),
    line("POST", "/api/v1/alerts/test", RESPONDER),
    line("GET", "/api/v1/incidents", VIEWER),
    line("GET", "/api/v1/incidents/export", VIEWER),
    line("GET", "/api/v1/incidents/{id}", VIEWER),
    line("PATCH", "/api/v1/incidents/{id}", RESPONDER),
    line("POST", "/api/v1/incidents/acknowledge", RESPONDER),
    line("POST", "/api/v1/incidents/close", RESPONDER),
    hidden("GET", "/api/v1/deliveries", Restriction::Forbidden),
    hidden("GET", "/api/v1/deliveries/{id}", Restriction::NotFound),
    hidden("GET", "/api/v1/deliveries/{id}/raw", Restriction::NotFound),
    line("GET", "/api/v1/stats/summary", VIEWER),
    line("GET", "/api/v1/stats/top", VIEWER),
    line("GET", "/api/v1/stats/timeline", VIEWER),
    line("GET", "/api/v1/stats/heatmap", VIEWER),
    line("GET", "/api/v1/events", VIEWER),
    // Mail, and who gets it.
    line("GET", "/api/v1/notifications", VIEWER),
    line("GET", "/api/v1/notifications/{id}", VIEWER),
    line("POST", "/api/v1/notifications/{id}/resend", RESPONDER),
    line("GET", "/api/v1/recipients", VIEWER),
    line("POST", "/api/v1/recipients", ADMIN),
    line("GET", "/api/v1/recipients/{id}", VIEWER),
    line("PUT", "/api/v1/recipients/{id}", ADMIN),
    line("DELETE", "/api/v1/recipients/{id}", ADMIN),
    line("GET", "/api/v1/groups", VIEWER),
    line("POST", "/api/v1/groups", ADMIN),
    line("GET", "/api/v1/groups/{id}", VIEWER),
    line("PUT", "/api/v1/groups/{id}", ADMIN),
    line("DELETE", "/api/v1/groups/{id}", ADMIN),
    line("GET", "/api/v1/routes", VIEWER),
    line("POST", "/api/v1/routes", ADMIN),
    line("PUT", "/api/v1/routes/order", ADMIN),
    line("GET", "/api/v1/routes/team", VIEWER),
    line("PUT", "/api/v1/routes/team", ADMIN),
    line("GET", "/api/v1/routes/{id}", VIEWER),
    line("PUT", "/api/v1/routes/{id}", ADMIN),
    line("DELETE", "/api/v1/routes/{id}", ADMIN),
    // Accounts.
    line("GET", "/api/v1/users", ADMIN),
    line("POST", "/api/v1/users", ADMIN),
    line("GET", "/api/v1/users/{id}", ADMIN),
    line("PUT", "/api/v1/users/{id}", ADMIN),
    line("DELETE", "/api/v1/users/{id}", ADMIN),
    line("DELETE", "/api/v1/users/{id}/sessions", ADMIN),
    line("GET", "/api/v1/tokens", ADMIN),
    line("POST", "/api/v1/tokens", ADMIN),
    line("GET", "/api/v1/tokens/{id}", ADMIN),
    line("DELETE", "/api/v1/tokens/{id}", ADMIN),
    line("GET", "/api/v1/audit", ADMIN),
    line("GET", "/api/v1/audit/export", ADMIN),
    line("GET", "/api/v1/audit/{id}", ADMIN),
    // The program itself.
    line("GET", "/api/v1/status", VIEWER),
    hidden("GET", "/api/v1/storage", Restriction::Forbidden),
    hidden("GET", "/metrics", Restriction::Forbidden),
    line("GET", "/openapi.json", VIEWER),
    line("GET", "/api/v1/openapi.json", VIEWER),
    line("GET", "/docs", VIEWER),
    line("GET", "/docs/{file}", VIEWER),
];

/// What a request is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// An operation.
    Operation(&'static Endpoint),
    /// A path that answers other methods. What those need says whether somebody
    /// who is not signed in is told so.
    WrongMethod(&'static Endpoint),
    /// Nothing that is there, but it shows what was meant.
    Misdirected(IntendedPath),
    /// Nothing that is there, among what is closed.
    Unlisted,
    /// A file or page of the browser's.
    Page,
}

/// Finds what a request is for. `path` is decoded as the router decodes it:
/// otherwise a path could be one thing here and another there.
pub(crate) fn target(method: &str, path: &str) -> Target {
    let mut other = None;
    for lines in [&LISTED.fixed, &LISTED.patterns] {
        for line in lines {
            if !matches(line.path, path) {
                continue;
            }
            if line.method == method {
                return Target::Operation(line);
            }
            other = other.or(Some(*line));
        }
        // A fixed path is never one with a number in it, too.
        if let Some(line) = other {
            return Target::WrongMethod(line);
        }
    }
    if let Some(meant) = misdirected::meant(method, path) {
        return Target::Misdirected(meant);
    }
    let is_closed = ["/api", "/docs", "/metrics", "/webhook"]
        .iter()
        .any(|root| path.strip_prefix(root).is_some_and(is_below));
    if is_closed {
        Target::Unlisted
    } else {
        Target::Page
    }
}

/// What an operation of the description needs; `path` with its `{id}`.
pub(crate) fn needs(method: &str, path: &str) -> Option<Requirement> {
    LINES
        .iter()
        .find(|line| line.method == method && line.path == path)
        .map(|line| line.needs)
}

/// The methods that a path of the table answers.
pub(crate) fn methods(path: &str) -> Vec<&'static str> {
    let lines = LINES.iter().filter(|line| line.path == path);
    lines.map(|line| line.method).collect()
}

/// What people call a role.
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

/// The lines, in the order in which they are looked through.
struct Listed {
    fixed: Vec<&'static Endpoint>,
    patterns: Vec<&'static Endpoint>,
}

static LISTED: LazyLock<Listed> = LazyLock::new(|| {
    let (patterns, fixed) = LINES.iter().partition(|line| line.path.contains('{'));
    Listed { fixed, patterns }
});

/// Whether a path fits a pattern, whose `{…}` stand for one segment each, and
/// `{file}` for all the rest.
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

    fn needed(method: &str, path: &str) -> Option<Requirement> {
        match target(method, path) {
            Target::Operation(line) => Some(line.needs),
            _ => None,
        }
    }

    #[test]
    fn a_path_is_found_with_its_method() {
        assert_eq!(needed("GET", "/api/v1/alerts"), Some(VIEWER));
        assert_eq!(needed("GET", "/api/v1/alerts/export"), Some(VIEWER));
        assert_eq!(needed("GET", "/api/v1/alerts/7"), Some(VIEWER));
        assert_eq!(needed("PATCH", "/api/v1/incidents/7"), Some(RESPONDER));
        assert_eq!(needed("PUT", "/api/v1/routes/order"), Some(ADMIN));
        assert_eq!(
            needed("DELETE", "/api/v1/me/sessions/3"),
            Some(Requirement::Person)
        );
        assert_eq!(needed("POST", "/webhook/"), Some(Requirement::Ingest));
        assert_eq!(needed("GET", "/docs/"), Some(VIEWER));
        assert_eq!(needed("GET", "/docs/swagger-ui.css"), Some(VIEWER));
        assert_eq!(needed("GET", "/healthz"), Some(Requirement::Nothing));
    }

    #[test]
    fn what_is_not_listed_is_closed() {
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

    /// What the description leaves out: other names of the webhook, and what
    /// describes or shows the API itself.
    const UNDESCRIBED: [&str; 6] = [
        "/webhook",
        "/webhook/",
        "/openapi.json",
        "/api/v1/openapi.json",
        "/docs",
        "/docs/{file}",
    ];

    #[test]
    fn every_operation_has_one_line_and_every_line_is_an_operation() {
        let mut described = BTreeSet::new();
        for (path, item) in &document().paths.paths {
            for (method, is_there) in [
                ("GET", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ] {
                if is_there {
                    described.insert((method.to_owned(), path.clone()));
                }
            }
        }
        let listed: BTreeSet<_> = LINES
            .iter()
            .map(|line| (line.method.to_owned(), line.path.to_owned()))
            .collect();
        assert_eq!(listed.len(), LINES.len(), "a line is there twice");
        let missing: Vec<_> = described.difference(&listed).collect();
        assert!(missing.is_empty(), "nobody decided who may: {missing:?}");
        let unknown: Vec<_> = listed
            .difference(&described)
            .filter(|(_, path)| !UNDESCRIBED.contains(&path.as_str()))
            .collect();
        assert!(unknown.is_empty(), "no such operation: {unknown:?}");
    }

    /// The roles of the issue, said once more: what changes something is never
    /// for viewers, and what tells of people and secrets is for administrators.
    #[test]
    fn changes_are_not_for_viewers() {
        for line in LINES {
            let is_own = line.path.starts_with("/api/v1/me");
            let changes = !matches!(line.method, "GET");
            if changes {
                assert_ne!(line.needs, VIEWER, "{} {}", line.method, line.path);
            }
            let is_account = ["users", "tokens", "audit"]
                .iter()
                .any(|kind| line.path.starts_with(&format!("/api/v1/{kind}")));
            if is_account {
                assert_eq!(line.needs, ADMIN, "{} {}", line.method, line.path);
            }
            if is_own && changes {
                assert_eq!(
                    line.needs,
                    Requirement::Person,
                    "{} {}",
                    line.method,
                    line.path
                );
            }
        }
    }
}
