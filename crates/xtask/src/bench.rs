//! `cargo xtask bench`: builds the server as it is shipped, and the program
//! that measures it (`crates/bench`, which reads the options), and runs it.

use std::{ffi::OsString, path::Path};

use crate::{
    apt::Apt, arguments::Arguments, builds::Builds, failure::Result, frontend, process,
    project::Project, server, terminal,
};

/// Both in one build, in the profile that is shipped: cargo unites the features of
/// what it builds together, so that one after the other would build half of the
/// dependencies twice.
const SHIPPED: [&str; 8] = [
    "--profile",
    "dist",
    "--package",
    "tocsin-api",
    "--package",
    "tocsin-bench",
    "--features",
    server::EMBED,
];

/// Measures, with the options as they are.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let options = arguments.into_rest();
    let project = Project::here();
    frontend::build(&project, &Apt::new(project.machine()), true)?;
    let step = terminal::step("Building the server and the benchmark");
    let built = Builds::shown(&step, |builds| {
        builds.run(
            "the server and the benchmark",
            project.cargo("build").args(SHIPPED),
        )
    })?;
    step.done("");
    let server = built.executable("tocsin")?;
    measure(
        &project,
        &built.executable("tocsin-bench")?,
        &server,
        &options,
    )
}

/// Measures a little with the programs beside `server`, to see that it works.
pub(crate) fn small(project: &Project, server: &Path) -> Result<()> {
    let bench = server.with_file_name("tocsin-bench");
    measure(project, &bench, server, &["--small".into()])
}

fn measure(project: &Project, bench: &Path, server: &Path, options: &[OsString]) -> Result<()> {
    let small = options.iter().any(|option| option == "--small");
    // What is made small is not what is kept for the next large run.
    let folder = if small { "bench-small" } else { "bench" };
    process::check(
        project
            .machine()
            .command(bench)
            .arg("--server")
            .arg(server)
            .arg("--work")
            .arg(project.target().join(folder))
            .arg("--project")
            .arg(project.root())
            .args(options),
    )
}
