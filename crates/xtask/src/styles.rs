//! `cargo xtask styles`: the stylesheet, made by Tailwind from
//! `frontend/style/input.css` and the class names in `frontend/src`.
//!
//! The result is committed as `frontend/static/style.css`, so that a first start
//! needs no Node.js; the tests compare it (`--check`), as they do openapi.json.

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

/// Whether there is an npm to make the stylesheet with, without installing one.
pub(crate) fn can_build(project: &Project) -> bool {
    NPM.find(project.machine()).is_ok()
}

/// Writes `frontend/static/style.css`.
pub(crate) fn build(project: &Project, apt: &Apt) -> Result<()> {
    let step = terminal::step("Making the stylesheet with Tailwind");
    let made = make(project, apt)?;
    let committed = committed(project);
    if fs::read(&committed).is_ok_and(|old| old == made) {
        step.done("unchanged");
        return Ok(());
    }
    fs::write(&committed, &made).file("write", &committed)?;
    step.done(&format!("{} KB", made.len() / 1000));
    Ok(())
}

/// Fails when the committed stylesheet is not what the sources give.
pub(crate) fn check(project: &Project, apt: &Apt) -> Result<()> {
    let step = terminal::step("Comparing the stylesheet with its sources");
    let made = make(project, apt)?;
    let committed = committed(project);
    let old = fs::read(&committed).file("read", &committed)?;
    if old != made {
        return Err(Failure::new(
            "accept frontend/static/style.css",
            "It is not what its sources give",
            "Run `cargo xtask styles` and commit the file",
        ));
    }
    step.done("the same");
    Ok(())
}

/// Runs Tailwind; the result is what it wrote.
fn make(project: &Project, apt: &Apt) -> Result<Vec<u8>> {
    let node = node::find(project, apt)?;
    let folder = folder(project);
    node::install_packages(project.machine(), &node, &folder)?;
    // Inside node_modules: it is ignored by git, and by Tailwind's own search.
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
            "make the stylesheet",
            failed.to_string(),
            "Correct frontend/style/input.css, or remove frontend/style/node_modules, and try again",
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
