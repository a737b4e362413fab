//! The addresses of the pages.

use std::cell::Cell;

use tocsin_api_types::Role;
use yew_router::{Routable, navigator::Navigator, query::Raw};

/// What the address bar's path can say; everything else is in its query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Routable)]
pub enum Route {
    /// The start: leads to the incidents.
    #[at("/")]
    Home,
    /// The incidents.
    #[at("/incidents")]
    Incidents,
    /// The incidents, with one of them opened.
    #[at("/incidents/:id")]
    Incident {
        /// The incident's number.
        id: i64,
    },
    /// The alert log.
    #[at("/log")]
    Log,
    /// The alert log, with one entry opened.
    #[at("/log/:id")]
    Entry {
        /// The entry's number.
        id: i64,
    },
    /// Recipients, groups, routes and mails.
    #[at("/recipients")]
    Recipients,
    /// Signing in.
    #[at("/sign-in")]
    SignIn,
    /// The first account; the link's token is in the fragment.
    #[at("/set-up")]
    SetUp,
    /// One's own account.
    #[at("/account")]
    Account,
    /// Who may sign in.
    #[at("/users")]
    Users,
    /// Secrets for scripts and senders.
    #[at("/tokens")]
    Tokens,
    /// Who did what.
    #[at("/audit")]
    Audit,
    /// The audit log, with one entry opened.
    #[at("/audit/:id")]
    AuditEntry {
        /// The entry's number.
        id: i64,
    },
    /// Nothing of ours.
    #[not_found]
    #[at("/404")]
    NotFound,
}

impl Route {
    /// Whose page it is.
    pub fn needs(self) -> Role {
        match self {
            Self::Users | Self::Tokens | Self::Audit | Self::AuditEntry { .. } => Role::Admin,
            _ => Role::Viewer,
        }
    }
}

/// A program of its own: one is loaded for the pages that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The lists, and where one begins.
    Lists,
    /// What is set up now and then. `static/theme.js` and the loader know its
    /// pages from a `meta` element of `index.html`.
    Desk,
}

thread_local! {
    static THIS: Cell<Program> = const { Cell::new(Program::Lists) };
}

impl Program {
    /// Says which of them this is, once and for all.
    pub(crate) fn is_this_one(self) {
        THIS.with(|this| this.set(self));
    }
}

impl Route {
    /// The program that has the page; none: each has.
    fn program(self) -> Option<Program> {
        match self {
            Self::SignIn | Self::NotFound => None,
            Self::Recipients
            | Self::SetUp
            | Self::Account
            | Self::Users
            | Self::Tokens
            | Self::Audit
            | Self::AuditEntry { .. } => Some(Program::Desk),
            Self::Home
            | Self::Incidents
            | Self::Incident { .. }
            | Self::Log
            | Self::Entry { .. } => Some(Program::Lists),
        }
    }

    /// Whether the program that runs has the page.
    pub fn is_here(self) -> bool {
        let this = THIS.with(Cell::get);
        self.program().is_none_or(|program| program == this)
    }
}

/// Goes to a page: within this program, or by loading the other one.
pub fn go(navigator: &Navigator, to: Route, query: &str, replace: bool) {
    match (to.is_here(), query.is_empty(), replace) {
        (true, true, false) => navigator.push(&to),
        (true, true, true) => navigator.replace(&to),
        // A raw query is not encoded, so nothing can go wrong in it.
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

/// The query with which the incidents are first shown.
pub const OPEN: &str = "state=open";

/// Loads a page of ours anew; `path` is relative to the base.
pub fn load(path: &str, replace: bool) {
    let document = web_sys::window().and_then(|window| window.document());
    let base = document.and_then(|document| document.base_uri().ok().flatten());
    let (Some(window), Some(base)) = (web_sys::window(), base) else {
        return;
    };
    let address = format!("{base}{path}");
    // An address of our own is a good one.
    let _ = if replace {
        window.location().replace(&address)
    } else {
        window.location().assign(&address)
    };
}

/// Where a `returnTo` leads: a page of ours with its query, and nowhere else.
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
    fn the_loader_knows_the_pages_of_the_desk() {
        let page = include_str!("../index.html");
        let (_, rest) = page
            .split_once("name=\"desk\" content=\"")
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
                .all(|route| route.program() == Some(Program::Desk))
        );
    }

    #[test]
    fn one_returns_to_pages_of_ours_only() {
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
