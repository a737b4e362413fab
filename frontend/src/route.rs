//! The addresses of the pages.

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
    /// Nothing of ours.
    #[not_found]
    #[at("/404")]
    NotFound,
}
