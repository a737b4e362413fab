//! The pages of Tocsin: the log of alerts, the incidents, and who is mailed.
//!
//! How it hangs together, from here downwards: [`app`] puts the shared state
//! ([`state`]) around the [`shell`] and the [`pages`]; two of the pages are a
//! [`list`] each; [`components`] are small parts without a mind of their own.
//! [`api`] talks to the server in the types of `tocsin-api-types`, [`query`]
//! is what a list is asked for, [`time`] and [`i18n`] are how people read it,
//! [`forms`] is how what they write reaches the server.
//!
//! No `style` attribute and no inline script: the server forbids both.
//!
//! There are two programs of it, so that what people load at 3 a.m. stays small:
//! `main.rs` shows the lists, `bin/desk.rs` what is set up now and then. Each
//! has the shell and signing in; a link from one to the other loads the other
//! ([`route::Program`]).

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

/// Starts one of the programs.
pub fn start(program: Program, pages: Pages) {
    program.is_this_one();
    yew::Renderer::<app::App>::with_props(app::AppProps { pages }).render();
}

/// The pages of one program: what it shows at an address.
#[derive(Clone, Copy)]
pub struct Pages(pub fn(&i18n::Words, route::Route) -> yew::Html);

impl PartialEq for Pages {
    /// A program has one set of pages for good.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

pub use pages::{desk, lists};
