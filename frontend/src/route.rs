//! The addresses of the pages.

use tocsin_api_types::Role;
use yew_router::Routable;

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
