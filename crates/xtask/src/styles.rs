//! `cargo xtask styles`: builds the stylesheet with Tailwind from
//! `frontend/style/input.css` and the class names in `frontend/src`.
//!
//! The result is committed as `frontend/static/style.css`, so that a first start does
//! not require Node.js, and checked by the tests.

use std::{fs, path::PathBuf};

use tocsin_machine::NPM;

use crate::{
    apt::Apt,
    arguments::Arguments,
    failure::{Failure, FileContext as _, Result},
    node,
    project::Project,
    terminal,
};

/// `cargo xtask styles [--check]`.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let only_compare = arguments.flag("--check")?;
    let project = Project::here();
    let apt = Apt::new(project.machine());
    if only_compare {
        check(&project, &apt)
    } else {
        build(&project, &apt)
    }
}

/// Whether the stylesheet can be built without installing npm.
pub(crate) fn can_build(project: &Project) -> bool {
    NPM.find(project.machine()).is_ok()
}

/// Writes `frontend/static/style.css`.
pub(crate) fn build(project: &Project, apt: &Apt) -> Result<()> {
    let step = terminal::step("Building the stylesheet with Tailwind");
    let built = run_tailwind(project, apt)?;
    let committed = committed(project);
    if fs::read(&committed).is_ok_and(|old| old == built) {
        step.done("unchanged");
        return Ok(());
    }
    fs::write(&committed, &built).file("write", &committed)?;
    step.done(&format!("{} KB", built.len() / 1000));
    Ok(())
}

/// Fails if the committed stylesheet is outdated.
pub(crate) fn check(project: &Project, apt: &Apt) -> Result<()> {
    let step = terminal::step("Checking that the stylesheet is up to date");
    let built = run_tailwind(project, apt)?;
    let committed = committed(project);
    let old = fs::read(&committed).file("read", &committed)?;
    if old != built {
        return Err(Failure::new(
            "accept frontend/static/style.css",
            "It differs from the build of its sources",
            "Run `cargo xtask styles` and commit the file",
        ));
    }
    step.done("");
    Ok(())
}

/// Runs Tailwind. Returns the stylesheet.
fn run_tailwind(project: &Project, apt: &Apt) -> Result<Vec<u8>> {
    let node = node::find(project, apt)?;
    let folder = folder(project);
    node::install_packages(project.machine(), &node, &folder)?;
    // node_modules is ignored by git, and by Tailwind's source detection.
    let output = folder.join("node_modules/.tocsin-style.css");
    let mut tailwind = node.run(
        project.machine(),
        &folder.join("node_modules/.bin/tailwindcss"),
    );
    tailwind
        .args(["--input", "input.css", "--minify", "--output"])
        .arg(&output)
        .current_dir(&folder);
    project.machine().output(&mut tailwind).map_err(|failed| {
        Failure::new(
            "build the stylesheet",
            failed.to_string(),
            "Fix frontend/style/input.css or remove frontend/style/node_modules, then try again",
        )
    })?;
    fs::read(&output).file("read", &output)
}

fn folder(project: &Project) -> PathBuf {
    project.frontend().join("style")
}

fn committed(project: &Project) -> PathBuf {
    project.frontend().join("static/style.css")
}
