//! Tests the server against its OpenAPI document with schemathesis, which generates
//! requests from it.

use std::{fs, path::PathBuf};

use tocsin_machine::{PYTHON_VENV, local_tool};

use super::{
    Bench,
    summary::{Counts, Runner},
};
use crate::{
    failure::{Failure, FileContext as _, Result},
    terminal,
};

/// Overrides the seed in tests/contract/schemathesis.toml.
const SEED: &str = "TOCSIN_CONTRACT_SEED";

/// Overrides the number of generated requests per operation.
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
    super::layers::run_tests(&mut command, Runner::Contract)
}

/// Installs tests/contract/requirements.txt into a project-local Python environment, if
/// it is not up to date. Returns the path of its Python.
fn python(bench: &Bench) -> Result<PathBuf> {
    let machine = bench.project.machine();
    let folder = local_tool(machine, "contract-python");
    let python = folder.join("bin/python");
    let list = bench.project.join("tests/contract/requirements.txt");
    let list_text = fs::read_to_string(&list).file("read", &list)?;
    let base = bench.found.tool(&PYTHON_VENV);
    let base = base.ok_or_else(|| failed("The setup found no Python".to_owned()))?;
    // Includes the Python, because packages depend on it. Written last, to mark a complete
    // installation.
    let wanted = format!("# {} {}\n{list_text}", base.path.display(), base.version);
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let step = terminal::step("Installing schemathesis");
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
        "install schemathesis for the contract tests",
        found,
        "Check the network and pip's configuration (`pip config list`), then try again",
    )
}
