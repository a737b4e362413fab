//! The build and test machine: its environment, and the tools required besides cargo.
//!
//! `cargo xtask`, the tests and the benchmark share this lookup, so that the tests run
//! the tools that the setup has checked. A tool must run and report a sufficient
//! version; being installed is not enough. See [`Tool`].
//!
//! To add a tool, define a [`Tool`] in `tools.rs` and list it with the test layers that
//! require it in `crates/xtask/src/test/setup.rs`.

#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod machine;
mod tool;
mod tools;
mod version;

pub use machine::{CommandError, Machine, command_line};
pub use tool::{Found, Tool, ToolNotFound};
pub use tools::{
    ALERTMANAGER, CHROMIUM, NODE, NPM, POSTGRESQL, PROMETHEUS, PYTHON_VENV, PYTHON_WITH_SMTP,
    local_tool, node_package, with_program_first,
};
pub use version::Version;
