//! Routes of the pages.

use std::cell::Cell;

use tocsin_api_types::Role;
use yew_router::{Routable, navigator::Navigator, query::Raw};

/// The path of the URL; the rest of the state is in the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Routable)]
pub enum Route {
    /// Redirects to the incidents.
    #[at("/")]
    Home,
    #[at("/incidents")]
    Incidents,
    /// An incident open in the panel.
    #[at("/incidents/:id")]
    Incident { id: i64 },
    #[at("/log")]
    Log,
    /// A log entry open in the panel.
    #[at("/log/:id")]
    Entry { id: i64 },
    /// Recipients, groups, routes and the notification log.
    #[at("/recipients")]
    Recipients,
    #[at("/sign-in")]
    SignIn,
    /// Creates the first account; the token is in the fragment.
    #[at("/set-up")]
    SetUp,
    #[at("/account")]
    Account,
    #[at("/users")]
    Users,
    #[at("/tokens")]
    Tokens,
    #[at("/audit")]
    Audit,
    /// An audit log entry open in the panel.
    #[at("/audit/:id")]
    AuditEntry { id: i64 },
    #[not_found]
    #[at("/404")]
    NotFound,
}

impl Route {
    /// Minimum role for the page.
    pub fn required_role(self) -> Role {
        match self {
            Self::Users | Self::Tokens | Self::Audit | Self::AuditEntry { .. } => Role::Admin,
            _ => Role::Viewer,
        }
    }
}

/// A WebAssembly program with a part of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The lists, and the start page.
    Lists,
    /// All other pages. `static/theme.js` and the loader read its paths from a `meta`
    /// element of `index.html`.
    Admin,
}

thread_local! {
    static CURRENT: Cell<Program> = const { Cell::new(Program::Lists) };
}

impl Program {
    /// Records the running program.
    pub(crate) fn set_current(self) {
        CURRENT.with(|current| current.set(self));
    }
}

impl Route {
    /// The program of the page; `None` if both have it.
    fn program(self) -> Option<Program> {
        match self {
            Self::SignIn | Self::NotFound => None,
            Self::Recipients
            | Self::SetUp
            | Self::Account
            | Self::Users
            | Self::Tokens
            | Self::Audit
            | Self::AuditEntry { .. } => Some(Program::Admin),
            Self::Home
            | Self::Incidents
            | Self::Incident { .. }
            | Self::Log
            | Self::Entry { .. } => Some(Program::Lists),
        }
    }

    /// Whether the running program has the page.
    pub fn is_in_current_program(self) -> bool {
        let current = CURRENT.with(Cell::get);
        self.program().is_none_or(|program| program == current)
    }
}

/// Navigates to a page, with a page load if the other program has it.
pub fn go(navigator: &Navigator, to: Route, query: &str, replace: bool) {
    match (to.is_in_current_program(), query.is_empty(), replace) {
        (true, true, false) => navigator.push(&to),
        (true, true, true) => navigator.replace(&to),
        // A raw query is not encoded, so this cannot fail.
        (true, false, false) => drop(navigator.push_with_query(&to, Raw(query))),
        (true, false, true) => drop(navigator.replace_with_query(&to, Raw(query))),
        (false, true, _) => load(to.to_path().trim_start_matches('/'), replace),
        (false, false, _) => {
            let path = to.to_path();
            load(
                &format!("{}?{query}", path.trim_start_matches('/')),
                replace,
            );
        }
    }
}

/// Initial query of the incidents.
pub const OPEN_INCIDENTS: &str = "state=open";

/// Loads a page; `path` is relative to the base.
pub fn load(path: &str, replace: bool) {
    let document = web_sys::window().and_then(|window| window.document());
    let base = document.and_then(|document| document.base_uri().ok().flatten());
    let (Some(window), Some(base)) = (web_sys::window(), base) else {
        return;
    };
    let url = format!("{base}{path}");
    // The URL has the same origin, so this cannot fail.
    let _ = if replace {
        window.location().replace(&url)
    } else {
        window.location().assign(&url)
    };
}

/// Parses a `returnTo`: a page of this application with its query, nothing else.
pub fn return_to(text: &str) -> Option<(Route, String)> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    if !path.starts_with('/') || path.starts_with("//") || path.contains('\\') {
        return None;
    }
    match Route::recognize(path)? {
        Route::NotFound | Route::SignIn | Route::SetUp => None,
        route => Some((route, query.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_html_lists_the_pages_of_the_admin_program() {
        let page = include_str!("../index.html");
        let (_, rest) = page
            .split_once("name=\"admin\" content=\"")
            .unwrap_or_default();
        let (named, _) = rest.split_once('"').unwrap_or_default();
        let ours = [
            Route::Recipients,
            Route::SetUp,
            Route::Account,
            Route::Users,
            Route::Tokens,
            Route::Audit,
        ];
        let paths: Vec<String> = ours.iter().map(Route::to_path).collect();
        let paths: Vec<&str> = paths
            .iter()
            .map(|path| path.trim_start_matches('/'))
            .collect();
        assert_eq!(named.split(' ').collect::<Vec<_>>(), paths);
        assert!(
            ours.iter()
                .all(|route| route.program() == Some(Program::Admin))
        );
    }

    #[test]
    fn return_to_accepts_only_local_pages() {
        assert_eq!(
            return_to("/incidents/7?severity=critical&q=a?b"),
            Some((
                Route::Incident { id: 7 },
                "severity=critical&q=a?b".to_owned()
            ))
        );
        for evil in [
            "https://evil.example",
            "//evil.example/incidents",
            "/\\evil.example",
            "javascript:alert(1)",
            "incidents",
            "",
            "/sign-in?returnTo=/sign-in",
            "/nowhere",
        ] {
            assert_eq!(return_to(evil), None, "{evil}");
        }
    }
}
