//! `cargo xtask frontend`: builds the frontend into `frontend/dist/`.
//!
//! The Rust code is compiled for `wasm32-unknown-unknown` into `frontend/target/`, with
//! the toolchain found by [`toolchain`]. Then `tocsin-bundler` (`crates/bundler`) writes
//! the files; its documentation describes its input and output.

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

/// Package of the frontend.
const PACKAGE: &str = "tocsin-frontend";

/// Programs of the package, with the names of their ES modules.
const PROGRAMS: [(&str, &str); 2] = [(PACKAGE, "app"), ("admin", "admin")];

/// The compiled frontend.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// Module names and WebAssembly files.
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
            // Tailwind reads class names from the sources.
            if styles::can_build(&project) {
                styles::build(&project, &apt)?;
            }
            build(&project, &apt, is_release)
        });
    }
    build(&project, &apt, is_release)
}

/// Updates `frontend/dist/`.
pub(crate) fn build(project: &Project, apt: &Apt, is_release: bool) -> Result<()> {
    check_versions(project)?;
    let toolchain = toolchain::find(project, apt)?;
    let step = terminal::step(&format!("Building the frontend with {}", toolchain.name()));
    let outcome = Builds::with_progress(&step, |builds| {
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

/// Builds the bundler with the profile and the workspace features of the tests, so
/// that the tests reuse the build.
fn build_bundler(project: &Project, builds: &Builds) -> Result<PathBuf> {
    let mut command = project.cargo("build");
    command
        .args(["--workspace", "--features", EMBED])
        .args(["--bin", "tocsin-bundler"]);
    builds
        .run("the bundler", &mut command)?
        .executable("tocsin-bundler")
}

/// Compiles the frontend.
pub(crate) fn compile(
    project: &Project,
    builds: &Builds,
    toolchain: &Toolchain,
    is_release: bool,
) -> Result<Compiled> {
    let profile = if is_release { "release" } else { "dev" };
    let built = builds.run(
        "the frontend",
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

/// Writes `frontend/dist/` with the bundler. Returns a summary of the file sizes.
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
            "write the frontend files",
            if failed.stderr.is_empty() {
                failed.to_string()
            } else {
                failed.stderr
            },
            "Fix the error, then try again",
        )
    })
}
