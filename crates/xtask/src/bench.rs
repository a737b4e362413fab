//! `cargo xtask bench`: builds the server in the release profile `dist` and the
//! benchmark (`crates/bench`, which parses the options), and runs the benchmark.

use std::{env, ffi::OsString, fs, path::Path, process::id as process_id};

use crate::{
    apt::Apt,
    arguments::Arguments,
    builds::Builds,
    failure::{FileContext as _, Result},
    frontend, process,
    project::Project,
    server, terminal,
};

/// Builds both together: cargo unifies the features of all packages in one build, so
/// separate builds would compile half of the dependencies twice.
const SELECTION: [&str; 8] = [
    "--profile",
    "dist",
    "--package",
    "tocsin-api",
    "--package",
    "tocsin-bench",
    "--features",
    server::EMBED,
];

/// Runs the benchmark. Options are passed on unparsed.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let options = arguments.into_rest();
    let project = Project::here();
    frontend::build(&project, &Apt::new(project.machine()), true)?;
    let step = terminal::step("Building the server and the benchmark");
    let built = Builds::with_progress(&step, |builds| {
        builds.run(
            "the server and the benchmark",
            project.cargo("build").args(SELECTION),
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

/// Runs a small benchmark with the programs in the directory of `server`, as a test
/// that the benchmark works.
pub(crate) fn small(project: &Project, server: &Path) -> Result<()> {
    let bench = server.with_file_name("tocsin-bench");
    measure(project, &bench, server, &["--small".into()])
}

fn measure(project: &Project, bench: &Path, server: &Path, options: &[OsString]) -> Result<()> {
    let measure_in = |work: &Path| {
        process::check(
            project
                .machine()
                .command(bench)
                .arg("--server")
                .arg(server)
                .arg("--work")
                .arg(work)
                .arg("--project")
                .arg(project.root())
                .args(options),
        )
    };
    if !options.iter().any(|option| option == "--small") {
        return measure_in(&project.target().join("bench"));
    }
    // Results are not kept, and PostgreSQL's user has no access to a build directory in
    // root's home directory.
    let work = env::temp_dir().join(format!("tocsin-bench-{}", process_id()));
    let measured = measure_in(&work);
    // An error of the benchmark is more useful than one of the removal.
    let removed = fs::remove_dir_all(&work).file("remove", &work);
    measured.and(removed)
}
