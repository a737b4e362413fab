//! `cargo xtask styles`: the stylesheet, made by Tailwind from
//! `frontend/style/input.css` and the class names in `frontend/src`.
//!
//! The result is committed as `frontend/static/style.css`, so that a first start
//! needs no Node.js; the tests compare it (`--check`), as they do openapi.json.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};

use crate::{process, project::Project, say};

/// `cargo xtask styles [--check]`.
pub(crate) fn run(mut arguments: lexopt::Parser) -> anyhow::Result<()> {
    let mut only_compare = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("check") => only_compare = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let project = Project::here();
    if only_compare {
        check(&project)
    } else {
        build(&project)
    }
}

/// Whether there is a stylesheet to make and a Node.js to make it with.
pub(crate) fn can_build(project: &Project) -> bool {
    folder(project).join("package.json").exists() && process::find(["npm"]).is_some()
}

/// Writes `frontend/static/style.css`.
pub(crate) fn build(project: &Project) -> anyhow::Result<()> {
    let step = say::step("Making the stylesheet with Tailwind");
    let made = make(project)?;
    let committed = committed(project);
    if fs::read(&committed).is_ok_and(|old| old == made) {
        step.done("unchanged");
        return Ok(());
    }
    fs::write(&committed, &made)
        .with_context(|| format!("cannot write {}", committed.display()))?;
    step.done(&format!("{} KB", made.len() / 1000));
    Ok(())
}

/// Fails when the committed stylesheet is not what the sources give.
pub(crate) fn check(project: &Project) -> anyhow::Result<()> {
    let step = say::step("Comparing the stylesheet with its sources");
    let made = make(project)?;
    let committed = committed(project);
    let old =
        fs::read(&committed).with_context(|| format!("cannot read {}", committed.display()))?;
    ensure!(
        old == made,
        "frontend/static/style.css is not what its sources give; run `cargo xtask styles` and commit it"
    );
    step.done("the same");
    Ok(())
}

/// Installs what a lock file names into the folder's `node_modules`, unless that
/// was done since the lock file changed. Install scripts are not run: nothing
/// here needs them.
///
/// Not `npm ci`: it wants the lock file to list every optional package for every
/// other platform, and a registry that mirrors only some of them cannot give that.
pub(crate) fn npm_install(folder: &Path) -> anyhow::Result<()> {
    let lock = folder.join("package-lock.json");
    let installed = folder.join("node_modules/.package-lock.json");
    let time = |path: &Path| path.metadata().and_then(|meta| meta.modified());
    if let (Ok(lock), Ok(installed)) = (time(&lock), time(&installed))
        && installed >= lock
    {
        return Ok(());
    }
    say::note(&format!("npm install in {}", folder.display()));
    process::check(
        Command::new("npm")
            .args([
                "install",
                "--no-save",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ])
            .current_dir(folder),
    )
}

/// Runs Tailwind, and gives what it wrote.
fn make(project: &Project) -> anyhow::Result<Vec<u8>> {
    let folder = folder(project);
    if !can_build(project) {
        bail!(
            "the stylesheet needs npm and {}",
            folder.join("package.json").display()
        );
    }
    npm_install(&folder)?;
    // Inside node_modules: it is ignored by git, and by Tailwind's own search.
    let output = folder.join("node_modules/.tocsin-style.css");
    process::output(
        Command::new(folder.join("node_modules/.bin/tailwindcss"))
            .args(["--input", "input.css", "--minify", "--output"])
            .arg(&output)
            .current_dir(&folder),
    )?;
    fs::read(&output).with_context(|| format!("cannot read {}", output.display()))
}

fn folder(project: &Project) -> PathBuf {
    project.frontend().join("style")
}

fn committed(project: &Project) -> PathBuf {
    project.frontend().join("static/style.css")
}
