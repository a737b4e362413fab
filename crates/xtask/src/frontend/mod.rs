//! `cargo xtask frontend`: the browser program, from Rust to `frontend/dist/`.
//!
//! Compiled for `wasm32-unknown-unknown` by the compiler that [`toolchain`]
//! finds, into `frontend/target/`; then written by `tocsin-bundler`
//! (`crates/bundler`), whose documentation says what goes in and what comes out.

mod lock_files;
mod watch;

use std::path::{Path, PathBuf};

use crate::{
    apt::Apt,
    arguments::Arguments,
    builds::Builds,
    failure::{Failure, Result},
    project::Project,
    server::EMBED,
    styles,
    terminal::{self, Step},
    toolchain::{self, Toolchain},
};

pub(crate) use lock_files::check_versions;

/// The package.
const PACKAGE: &str = "tocsin-frontend";

/// Its programs, and what their modules are called in the browser.
const PROGRAMS: [(&str, &str); 2] = [(PACKAGE, "app"), ("desk", "desk")];

/// The browser program as the compiler leaves it.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// A module's name and its file.
    programs: Vec<(&'static str, PathBuf)>,
    is_release: bool,
}

/// `cargo xtask frontend [--watch] [--release]`.
pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let mut is_release = false;
    let mut is_watching = false;
    while let Some(word) = arguments.next()? {
        match word.as_str() {
            "--release" => is_release = true,
            "--watch" => is_watching = true,
            other => return Err(Arguments::unexpected(other)),
        }
    }
    let project = Project::here();
    let apt = Apt::new(project.machine());
    if is_watching {
        return watch::watch(&project, || {
            // Tailwind reads class names from the sources: they change together.
            if styles::can_build(&project) {
                styles::build(&project, &apt)?;
            }
            build(&project, &apt, is_release)
        });
    }
    build(&project, &apt, is_release)
}

/// Brings `frontend/dist/` up to date.
pub(crate) fn build(project: &Project, apt: &Apt, is_release: bool) -> Result<()> {
    check_versions(project)?;
    let toolchain = toolchain::find(project, apt)?;
    let step = terminal::step(&format!(
        "Building the browser program with {}",
        toolchain.name()
    ));
    let outcome = Builds::shown(&step, |builds| {
        let bundler = build_bundler(project, builds)?;
        let compiled = compile(project, builds, &toolchain, is_release)?;
        bundle(project, &bundler, &compiled)
    })?;
    finish(step, &outcome);
    Ok(())
}

fn finish(step: Step, outcome: &str) {
    step.done(outcome);
}

/// The bundler in the profile of the tests, with the features that the whole
/// workspace gives its crates: the tests' build goes on from it.
fn build_bundler(project: &Project, builds: &Builds) -> Result<PathBuf> {
    let mut command = project.cargo("build");
    command
        .args(["--workspace", "--features", EMBED])
        .args(["--bin", "tocsin-bundler"]);
    builds
        .run("the bundler", &mut command)?
        .executable("tocsin-bundler")
}

/// Compiles the browser program.
pub(crate) fn compile(
    project: &Project,
    builds: &Builds,
    toolchain: &Toolchain,
    is_release: bool,
) -> Result<Compiled> {
    let profile = if is_release { "release" } else { "dev" };
    let built = builds.run(
        "the browser program",
        toolchain
            .cargo_build(project)
            .args(["--package", PACKAGE, "--profile", profile])
            .arg("--target-dir")
            .arg(project.frontend_target())
            .current_dir(project.frontend()),
    )?;
    let programs: Result<Vec<_>> = PROGRAMS
        .into_iter()
        .map(|(program, module)| Ok((module, built.executable(program)?)))
        .collect();
    Ok(Compiled {
        programs: programs?,
        is_release,
    })
}

/// Writes `frontend/dist/` with the bundler; the result says how large it is.
pub(crate) fn bundle(project: &Project, bundler: &Path, compiled: &Compiled) -> Result<String> {
    let frontend = project.frontend();
    let mut command = project.machine().command(bundler);
    if compiled.is_release {
        command.arg("--release");
    }
    command
        .arg("--template")
        .arg(frontend.join("index.html"))
        .arg("--static")
        .arg(frontend.join("static"))
        .arg("--work")
        .arg(project.frontend_target())
        .arg("--out")
        .arg(project.dist());
    for (module, file) in &compiled.programs {
        let mut program = std::ffi::OsString::from(format!("{module}="));
        program.push(file);
        command.arg(program);
    }
    let output = project.machine().output(&mut command);
    output.map(|text| text.trim().to_owned()).map_err(|failed| {
        Failure::new(
            "write the browser files",
            if failed.stderr.is_empty() {
                failed.to_string()
            } else {
                failed.stderr
            },
            "Correct what it names, and run the same command again",
        )
    })
}
