//! Building the server.

use std::{path::PathBuf, process::Command};

use crate::{
    process,
    project::{self, Project},
    say,
};

/// The feature that puts the browser files into the server.
pub(crate) const EMBED: &str = "tocsin-api/embed";

/// The packages and features of every build that the tests make. One selection
/// for all of them: cargo unites the features of what it builds together, and
/// another selection would build half of the dependencies a second time.
pub(crate) const TEST_SELECTION: [&str; 4] = ["--workspace", "--all-targets", "--features", EMBED];

/// The server as `cargo xtask run` starts it, with the browser files inside.
pub(crate) fn build_release(project: &Project) -> anyhow::Result<PathBuf> {
    let step = say::step("Building the server");
    process::check(cargo(project, "build").args([
        "--release",
        "--package",
        "tocsin-api",
        "--features",
        "embed",
    ]))?;
    step.done("");
    Ok(project.target().join("release/tocsin"))
}

/// The server that the tests run, in the profile that the unit tests share.
pub(crate) fn build_for_tests(project: &Project) -> anyhow::Result<PathBuf> {
    let step = say::step("Building the server for the tests");
    process::check(cargo(project, "build").args(TEST_SELECTION))?;
    step.done("");
    Ok(project.target().join("debug/tocsin"))
}

/// Cargo on the server's workspace.
pub(crate) fn cargo(project: &Project, command: &str) -> Command {
    let mut cargo = Command::new(project::cargo());
    cargo
        .arg(command)
        .env("CARGO_TARGET_DIR", project.target())
        .current_dir(project.root());
    cargo
}
