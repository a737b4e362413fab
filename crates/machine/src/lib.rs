//! The machine that Tocsin is built and tested on: its environment, and the
//! programs that are needed besides cargo.
//!
//! `cargo xtask`, the tests and the benchmark all look here, so that what the
//! set-up found fit is what the tests use. A program is fit when it runs and its
//! version is high enough; being installed is not enough. See [`Tool`].
//!
//! To need one more program, add a [`Tool`] to `tools.rs`, and to the list of
//! needs in `crates/xtask/src/test/setup.rs` what needs it.

#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod machine;
mod tool;
mod tools;
mod version;

pub use machine::{Failed, Machine, shown};
pub use tool::{Found, Tool, Unfit};
pub use tools::{
    ALERTMANAGER, CHROMIUM, NODE, NPM, POSTGRESQL, PROMETHEUS, PYTHON_VENV, PYTHON_WITH_SMTP,
    node_package, own, with_program_first,
};
pub use version::Version;
