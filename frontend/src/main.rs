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

fn main() {
    yew::Renderer::<app::App>::new().render();
}
