//! `cargo xtask bench`: builds the server as it is shipped, and the program
//! that measures it (`crates/bench`, which reads the options), and runs it.

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
    // Nothing of it is kept for another run, and a project in root's home folder is
    // closed to PostgreSQL's user.
    let work = env::temp_dir().join(format!("tocsin-bench-{}", process_id()));
    let measured = measure_in(&work);
    // The measurement's failure says more than that of the removal.
    let removed = fs::remove_dir_all(&work).file("remove", &work);
    measured.and(removed)
}
