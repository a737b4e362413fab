//! Building the server.

use std::{path::PathBuf, process::Command};

use crate::{builds::Builds, failure::Result, project::Project, terminal};

/// The feature that puts the browser files into the server's program. Its library
/// is the same with and without.
pub(crate) const EMBED: &str = "tocsin-api/embed";

/// The packages and features of every build that the tests make. One selection
/// for all of them: cargo unites the features of what it builds together, and
/// another selection would build half of the dependencies a second time.
pub(crate) const TEST_SELECTION: [&str; 4] = ["--workspace", "--all-targets", "--features", EMBED];

/// What `cargo xtask run` builds, for the same reason in one selection.
const RUN_SELECTION: [&str; 7] = [
    "--release",
    "--package",
    "tocsin-api",
    "--package",
    "tocsin-bundler",
    "--features",
    EMBED,
];

/// The server's library with all that it is made of, and the bundler: everything
/// of a run that does not need the browser files.
pub(crate) fn library_and_bundler(project: &Project) -> Command {
    let mut command = project.cargo("build");
    command
        .args(RUN_SELECTION)
        .args(["--lib", "--bin", "tocsin-bundler"]);
    command
}

/// The server as `cargo xtask run` starts it, with the browser files inside.
pub(crate) fn program(project: &Project) -> Command {
    let mut command = project.cargo("build");
    command.args(RUN_SELECTION).args(["--bin", "tocsin"]);
    command
}

/// Whether a server was built here before.
pub(crate) fn was_built(project: &Project) -> bool {
    project.target().join("release/tocsin").exists()
}

/// The server that the tests run, in the profile that the unit tests share, and
/// everything that is built with it.
pub(crate) fn build_for_tests(project: &Project) -> Result<PathBuf> {
    let step = terminal::step("Building the server and its tests");
    let built = Builds::shown(&step, |builds| {
        builds.run(
            "the server and its tests",
            project.cargo("build").args(TEST_SELECTION),
        )
    })?;
    step.done("");
    built.executable("tocsin")
}
