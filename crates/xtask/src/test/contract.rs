//! The real program against the description of its API, as a tester that makes
//! up requests from it (schemathesis) sees it.

use std::{fs, path::PathBuf};

use tocsin_machine::{PYTHON_VENV, own};

use super::{
    Bench,
    summary::{Counts, Runner},
};
use crate::{
    failure::{Failure, FileContext as _, Result},
    terminal,
};

/// Another seed than that of tests/contract/schemathesis.toml.
const SEED: &str = "TOCSIN_CONTRACT_SEED";

/// Another number of made-up requests for each operation.
const EXAMPLES: &str = "TOCSIN_CONTRACT_EXAMPLES";

pub(super) fn run(bench: &mut Bench) -> Result<Counts> {
    let binary = bench.binary()?;
    let python = python(bench)?;
    let machine = bench.project.machine();
    let mut command = machine.command(python);
    command
        .arg(bench.project.join("tests/contract/run.py"))
        .arg(binary)
        .arg(bench.project.target().join("contract"));
    for (variable, option) in [(SEED, "--seed"), (EXAMPLES, "--max-examples")] {
        if let Some(value) = machine.variable(variable) {
            command.arg(option).arg(value);
        }
    }
    super::layers::counted(&mut command, Runner::Contract)
}

/// A Python of the project's own with what tests/contract/requirements.txt lists,
/// put there once: no change to the system.
fn python(bench: &Bench) -> Result<PathBuf> {
    let machine = bench.project.machine();
    let folder = own(machine, "contract-python");
    let python = folder.join("bin/python");
    let list = bench.project.join("tests/contract/requirements.txt");
    let list_text = fs::read_to_string(&list).file("read", &list)?;
    let base = bench.found.tool(&PYTHON_VENV);
    let base = base.ok_or_else(|| failed("The set-up found no Python".to_owned()))?;
    // Another Python needs other packages. Written last, so it stands for a whole
    // installation.
    let wanted = format!("# {} {}\n{list_text}", base.path.display(), base.version);
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let step = terminal::step("Getting schemathesis");
    let mut venv = machine.command(&base.path);
    venv.args(["-m", "venv", "--clear"]).arg(&folder);
    let mut pip = machine.command(&python);
    pip.args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "-r"])
        .arg(&list);
    machine
        .output(&mut venv)
        .and_then(|_| machine.output(&mut pip))
        .map_err(|error| failed(error.to_string()))?;
    fs::write(&installed, wanted).file("write", &installed)?;
    step.done("");
    Ok(python)
}

fn failed(found: String) -> Failure {
    Failure::new(
        "get schemathesis, the tester of the API's description",
        found,
        "Check the network and pip's settings (`pip config list`), and try again",
    )
}
