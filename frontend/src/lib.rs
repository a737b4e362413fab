//! The browser pages of Tocsin: incidents, alert log, recipients and administration.
//!
//! [`app`] puts the shared state ([`state`]) around the [`shell`] and the [`pages`].
//! Two pages are a [`list`]. [`components`] are shared view functions. [`api`] is the
//! API client, with the types of `tocsin-api-types`; [`query`] holds filters and their
//! query strings; [`time`] and [`i18n`] format for the user; [`forms`] submits edits.
//!
//! No `style` attributes and no inline scripts: the Content-Security-Policy forbids
//! both.
//!
//! There are two programs, so that the pages needed at 3 a.m. load fast: `main.rs` has
//! the lists, `bin/admin.rs` everything else. Both have the shell and sign-in. A link
//! from one to the other loads the other program ([`route::Program`]).

mod api;
mod app;
mod components;
mod forms;
mod i18n;
mod list;
mod pages;
mod query;
mod route;
mod shell;
mod state;
mod time;

pub use route::Program;

/// Starts a program.
pub fn start(program: Program, pages: Pages) {
    program.set_current();
    yew::Renderer::<app::App>::with_props(app::AppProps { pages }).render();
}

/// Renders the pages of one program by route.
#[derive(Clone, Copy)]
pub struct Pages(pub fn(&i18n::Words, route::Route) -> yew::Html);

impl PartialEq for Pages {
    /// Always equal: a program has one set of pages.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

pub use pages::{administration, lists};
