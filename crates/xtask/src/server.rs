//! Building the server.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, ensure};

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

/// What `cargo xtask run` builds.
const RELEASE: [&str; 5] = [
    "--release",
    "--package",
    "tocsin-api",
    "--features",
    "embed",
];

/// The server as `cargo xtask run` starts it, with the browser files inside.
pub(crate) fn build_release(project: &Project) -> anyhow::Result<PathBuf> {
    let step = say::step("Building the server");
    process::check(cargo(project, "build").args(RELEASE))?;
    step.done("");
    Ok(release_binary(project))
}

pub(crate) fn release_binary(project: &Project) -> PathBuf {
    project.target().join("release/tocsin")
}

/// Starts compiling everything that the server is made of but the server's own
/// crate, which needs the browser files.
pub(crate) fn start_dependencies(project: &Project) -> anyhow::Result<Dependencies> {
    let step = say::step("Compiling the server's dependencies meanwhile");
    let mut command = cargo(project, "rustc");
    command
        .args(RELEASE)
        // The compiler only prints a name and does not compile this last crate;
        // to cargo it is another build than the real one, which stays as it is.
        .args(["--bin", "tocsin", "--", "--print", "crate-name"])
        // The browser program's build draws the one progress bar.
        .env("CARGO_TERM_PROGRESS_WHEN", "never")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let child = command.spawn().context("cannot start cargo")?;
    Ok(Dependencies {
        child,
        step: Some(step),
    })
}

/// A build under way; ended when it is dropped.
#[derive(Debug)]
pub(crate) struct Dependencies {
    child: Child,
    step: Option<say::Step>,
}

impl Dependencies {
    pub(crate) fn wait(mut self) -> anyhow::Result<()> {
        let status = self.child.wait()?;
        ensure!(status.success(), "the server's dependencies do not compile");
        if let Some(step) = self.step.take() {
            step.done("");
        }
        Ok(())
    }
}

impl Drop for Dependencies {
    fn drop(&mut self) {
        // Both do nothing to a program that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
    let mut cargo = project::cargo();
    cargo
        .arg(command)
        .env("CARGO_TARGET_DIR", project.target())
        .current_dir(project.root());
    cargo
}
