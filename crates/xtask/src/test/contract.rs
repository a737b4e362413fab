//! The real program against the description of its API, as a tester that makes
//! up requests from it (schemathesis) sees it.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Context as _;

use super::{
    Bench,
    summary::{Counts, Runner},
};
use crate::{process, project::Project, say};

/// Another seed than that of tests/contract/schemathesis.toml.
const SEED: &str = "TOCSIN_CONTRACT_SEED";

/// Another number of made-up requests for each operation.
const EXAMPLES: &str = "TOCSIN_CONTRACT_EXAMPLES";

pub(super) fn run(bench: &mut Bench) -> anyhow::Result<Counts> {
    let binary = bench.binary()?;
    let python = python(&bench.project)?;
    let mut command = Command::new(python);
    command
        .arg(bench.project.join("tests/contract/run.py"))
        .arg(binary)
        .arg(bench.project.target().join("contract"));
    for (variable, option) in [(SEED, "--seed"), (EXAMPLES, "--max-examples")] {
        if let Some(value) = std::env::var_os(variable) {
            command.arg(option).arg(value);
        }
    }
    super::layers::heard(&mut command, Runner::Contract)
}

/// A Python of our own with what tests/contract/requirements.txt lists, put there
/// once: no change to the system.
fn python(project: &Project) -> anyhow::Result<PathBuf> {
    let folder = project.target().join("contract-python");
    let own = folder.join("bin/python");
    let list = project.join("tests/contract/requirements.txt");
    let wanted =
        fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    // Written last, so that it tells of a whole installation.
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(own);
    }
    let step = say::step("Getting schemathesis");
    let made = process::output(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    );
    made.context("the Debian package python3-venv is needed")?;
    process::output(
        Command::new(&own)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(&list),
    )?;
    fs::write(&installed, wanted)?;
    step.done("");
    Ok(own)
}
