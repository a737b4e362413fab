//! `cargo xtask bench`: builds the server as it is shipped, and the program
//! that measures it (`crates/bench`, which reads the options), and runs it.

use std::{ffi::OsString, path::Path, process::Command};

use crate::{frontend, process, project::Project, say, server};

/// Both in one build: cargo unites the features of what it builds together, so
/// that one after the other would build half of the dependencies twice.
const RELEASE: [&str; 7] = [
    "--release",
    "--package",
    "tocsin-api",
    "--package",
    "tocsin-bench",
    "--features",
    server::EMBED,
];

/// Measures, with the options as they are.
pub(crate) fn run(mut arguments: lexopt::Parser) -> anyhow::Result<()> {
    let options: Vec<OsString> = arguments.raw_args()?.collect();
    let project = Project::here();
    frontend::build(&project, true)?;
    let step = say::step("Building the server and the benchmark");
    process::check(server::cargo(&project, "build").args(RELEASE))?;
    step.done("");
    measure(&project, &project.target().join("release"), &options)
}

/// Measures a little with the programs in `built`, to see that it works.
pub(crate) fn small(project: &Project, built: &Path) -> anyhow::Result<()> {
    measure(project, built, &["--small".into()])
}

fn measure(project: &Project, built: &Path, options: &[OsString]) -> anyhow::Result<()> {
    let small = options.iter().any(|option| option == "--small");
    // What is made small is not what is kept for the next large run.
    let folder = if small { "bench-small" } else { "bench" };
    process::check(
        Command::new(built.join("tocsin-bench"))
            .arg("--server")
            .arg(built.join("tocsin"))
            .arg("--work")
            .arg(project.target().join(folder))
            .arg("--project")
            .arg(project.root())
            .args(options),
    )
}
