//! Builds the server.

use std::{path::PathBuf, process::Command};

use crate::{builds::Builds, failure::Result, project::Project, terminal};

/// Feature that embeds the frontend files into the server binary. It does not change
/// the server's library.
pub(crate) const EMBED: &str = "tocsin-api/embed";

/// Packages and features of all builds for tests. Cargo unifies the features of all
/// packages in one build: another selection would rebuild half of the dependencies.
pub(crate) const TEST_SELECTION: [&str; 4] = ["--workspace", "--all-targets", "--features", EMBED];

/// Packages and features of all builds for `cargo xtask run`, for the same reason.
const RUN_SELECTION: [&str; 7] = [
    "--release",
    "--package",
    "tocsin-api",
    "--package",
    "tocsin-bundler",
    "--features",
    EMBED,
];

/// Builds the server's library with its dependencies, and the bundler: everything that
/// does not require the frontend files.
pub(crate) fn library_and_bundler(project: &Project) -> Command {
    let mut command = project.cargo("build");
    command
        .args(RUN_SELECTION)
        .args(["--lib", "--bin", "tocsin-bundler"]);
    command
}

/// Builds the server for `cargo xtask run`, with the embedded frontend files.
pub(crate) fn program(project: &Project) -> Command {
    let mut command = project.cargo("build");
    command.args(RUN_SELECTION).args(["--bin", "tocsin"]);
    command
}

/// Whether the server was built before.
pub(crate) fn was_built(project: &Project) -> bool {
    project.target().join("release/tocsin").exists()
}

/// Builds the server under test and all test programs, in the profile of the unit tests.
/// Returns the path of the server.
pub(crate) fn build_for_tests(project: &Project) -> Result<PathBuf> {
    let step = terminal::step("Building the server and its tests");
    let built = Builds::with_progress(&step, |builds| {
        builds.run(
            "the server and its tests",
            project.cargo("build").args(TEST_SELECTION),
        )
    })?;
    step.done("");
    built.executable("tocsin")
}
