//! What the tests need of the machine, and getting it.

use std::{ffi::OsStr, process::Command};

use tocsin_machine::{
    ALERTMANAGER, CHROMIUM, Found, Machine, NODE, NPM, POSTGRESQL, PROMETHEUS, PYTHON_VENV,
    PYTHON_WITH_SMTP, Tool, Unfit, own,
};

use crate::{
    apt::{Apt, Package},
    checks, download,
    failure::{Failure, Result},
    node,
    project::Project,
    terminal::{self, Steps},
    toolchain,
};

/// A program that some layers need.
struct Need {
    tool: Tool,
    needed_for: &'static str,
    layers: &'static [&'static str],
}

const NEEDS: [Need; 6] = [
    Need {
        tool: PROMETHEUS,
        needed_for: "the tests with the real Prometheus",
        layers: &["e2e"],
    },
    Need {
        tool: ALERTMANAGER,
        needed_for: "the tests with the real Alertmanager",
        layers: &["e2e", "bench"],
    },
    Need {
        tool: POSTGRESQL,
        needed_for: "the tests on PostgreSQL, in a temporary cluster",
        layers: &["unit", "e2e", "bench"],
    },
    Need {
        tool: PYTHON_WITH_SMTP,
        needed_for: "the tests' SMTP server",
        layers: &["unit", "e2e"],
    },
    Need {
        tool: PYTHON_VENV,
        needed_for: "the tester of the API's description",
        layers: &["contract"],
    },
    Need {
        tool: CHROMIUM,
        needed_for: "the browser tests",
        layers: &["browser"],
    },
];

/// The layers that Node.js takes part in.
const WITH_NODE: [&str; 3] = ["styles", "e2e", "browser"];

/// The layers that compile nothing of the project.
const WITHOUT_BUILD: [&str; 3] = ["format", "styles", super::fresh_machine::NAME];

/// Chinese text in the browser tests: a package without a program.
const FONT: &str = "fonts-wqy-microhei";

/// What was found, for the tests to use.
#[derive(Debug, Default)]
pub(super) struct Setup {
    /// There is a `cargo nextest`.
    pub(super) nextest: bool,
    tools: Vec<(&'static str, Found)>,
}

impl Setup {
    /// The variables by which tests learn where things are: those of the tools.
    pub(super) fn environment(&self) -> impl Iterator<Item = (&'static str, &OsStr)> {
        self.tools
            .iter()
            .map(|(variable, found)| (*variable, found.path.as_os_str()))
    }

    /// The program that was found for a tool.
    pub(super) fn tool(&self, tool: &Tool) -> Option<&Found> {
        let mut tools = self.tools.iter();
        tools
            .find(|(variable, _)| *variable == tool.variable)
            .map(|(_, found)| found)
    }
}

/// Finds what the chosen layers need; installs what is missing or too old, or
/// names it. The project comes back with the settings that its builds need.
pub(super) fn prepare(project: Project, apt: &Apt, layers: &[&str]) -> Result<(Project, Setup)> {
    let builds = layers.iter().any(|layer| !WITHOUT_BUILD.contains(layer));
    let steps = Steps::new(if builds { 2 } else { 1 });
    let step = steps.begin("Looking for what the tests need");
    if builds {
        checks::machine(&project, false)?;
    }
    components(&project, layers)?;
    let mut setup = Setup {
        tools: tools(&project, apt, &needed_by(layers).collect::<Vec<_>>())?,
        ..Setup::default()
    };
    if layers.contains(&"browser") && apt.is_here() && apt.installed(FONT).is_none() {
        apt.install(&[Package::new(FONT, "Chinese text in the browser tests")])?;
    }
    if layers.iter().any(|layer| WITH_NODE.contains(layer)) {
        let node = node::find(&project, apt)?;
        setup.tools.push((NODE.variable, node.node));
        setup.tools.push((NPM.variable, node.npm));
    }
    if builds {
        toolchain::find(&project, apt)?;
    }
    step.done("");
    let project = if builds {
        download::crates(project, &steps)?
    } else {
        project
    };
    let mut nextest = project.bare_cargo();
    setup.nextest = project
        .machine()
        .output(nextest.args(["nextest", "--version"]))
        .is_ok();
    if !setup.nextest {
        terminal::note("cargo nextest is not installed: cargo's own test runner is used");
    }
    Ok((project, setup))
}

/// A fit one of each tool, all that is missing installed at once.
fn tools(project: &Project, apt: &Apt, needs: &[&Need]) -> Result<Vec<(&'static str, Found)>> {
    let machine = project.machine();
    let mut missing = Vec::new();
    for need in needs {
        match need.tool.find(machine) {
            Ok(_) => {}
            Err(unfit) if unfit.is_named() => return Err(unusable(need, &unfit)),
            // Without root a library can still be had for the project alone, below.
            Err(_) if is_smtp(need) && !apt.may_install() => own_python(project)?,
            Err(_) => missing.push(Package::new(need.tool.package, need.needed_for)),
        }
    }
    apt.install(&missing)?;
    needs
        .iter()
        .map(|need| {
            let found = need.tool.find(machine);
            let found = found.map_err(|unfit| unusable(need, &unfit))?;
            Ok((need.tool.variable, found))
        })
        .collect()
}

fn is_smtp(need: &Need) -> bool {
    need.tool.variable == PYTHON_WITH_SMTP.variable
}

fn unusable(need: &Need, unfit: &Unfit) -> Failure {
    Failure::new(
        format!("prepare {}", need.needed_for),
        unfit.to_string(),
        format!(
            "`apt-cache policy {}` shows which version is offered",
            need.tool.package
        ),
    )
}

fn needed_by<'a>(layers: &'a [&str]) -> impl Iterator<Item = &'static Need> + use<'a> {
    NEEDS
        .iter()
        .filter(|need| need.layers.iter().any(|layer| layers.contains(layer)))
}

/// The parts of the Rust toolchain that its smallest installation leaves out.
fn components(project: &Project, layers: &[&str]) -> Result<()> {
    let machine = project.machine();
    for (layer, command, component) in [("format", "fmt", "rustfmt"), ("lint", "clippy", "clippy")]
    {
        let works = |machine: &Machine| {
            let mut cargo: Command = project.bare_cargo();
            machine.output(cargo.args([command, "--version"]))
        };
        if !layers.contains(&layer) || works(machine).is_ok() {
            continue;
        }
        if machine.find("rustup").is_some() && toolchain::rustup_may_install(machine) {
            terminal::change(&format!(
                "Adding {component} to the Rust toolchain (rustup component add {component})"
            ));
            // Whether it worked shows below.
            let _ = machine.output(
                machine
                    .command("rustup")
                    .args(["component", "add", component]),
            );
        }
        works(machine).map_err(|failed| {
            Failure::new(
                format!("run cargo {command}"),
                failed.to_string(),
                format!("Run `rustup component add {component}`, and then the same command again"),
            )
        })?;
    }
    Ok(())
}

/// Puts aiosmtpd into a Python of the project's own: no change to the system.
fn own_python(project: &Project) -> Result<()> {
    let machine = project.machine();
    let folder = own(machine, "python");
    let failed = |found: String| {
        Failure::new(
            "get aiosmtpd, the tests' SMTP server",
            found,
            format!(
                "As root, run `apt-get install {} {}`, or let {} name a Python that has it",
                PYTHON_WITH_SMTP.package, PYTHON_VENV.package, PYTHON_WITH_SMTP.variable
            ),
        )
    };
    let python = PYTHON_VENV
        .find(machine)
        .map_err(|unfit| failed(unfit.to_string()))?;
    terminal::note(&format!("Putting aiosmtpd into {}", folder.display()));
    let mut venv = machine.command(&python.path);
    venv.args(["-m", "venv", "--clear"]).arg(&folder);
    let mut pip = machine.command(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ])
    .arg("aiosmtpd");
    machine
        .output(&mut venv)
        .and_then(|_| machine.output(&mut pip))
        .map(drop)
        .map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use tocsin_machine::fake::FakeMachine;

    use super::*;

    #[test]
    fn a_layer_asks_only_for_its_own() {
        let names = |layers: &[&str]| -> Vec<_> {
            needed_by(layers).map(|need| need.tool.package).collect()
        };
        assert!(names(&["format", "lint"]).is_empty());
        assert_eq!(names(&["browser"]), ["chromium"]);
        assert_eq!(names(&["contract"]), ["python3-venv"]);
        assert!(!names(&["e2e"]).contains(&"chromium"));
    }

    /// A Debian whose own Python has aiosmtpd once its package is installed, behind
    /// a pyenv's Python that has not.
    fn pyenv(user: &str) -> FakeMachine {
        FakeMachine::new()
            .prints("id", user)
            .script(
                "/home/.pyenv/shims/python3",
                "echo \"No module named 'aiosmtpd'\" >&2; exit 1",
            )
            .script(
                "/usr/bin/python3",
                "[ -e \"$ROOT/aiosmtpd\" ] && echo 1.4.3 || exit 1",
            )
            .script(
                "/usr/bin/apt-get",
                "[ \"$1\" = install ] && : > \"$ROOT/aiosmtpd\" || exit 0",
            )
            .script("/usr/bin/apt-cache", "echo '  Candidate: 1.4.3-1'")
            .script("/usr/bin/apt-mark", "")
            .script("/usr/bin/dpkg", "")
    }

    fn smtp(fake: &FakeMachine) -> Result<Found> {
        let machine = fake.with_path(&["/home/.pyenv/shims", "/usr/bin"]);
        let project = Project::new(fake.root(), machine);
        let needs: Vec<_> = NEEDS.iter().filter(|need| is_smtp(need)).collect();
        let found = tools(&project, &Apt::new(project.machine()), &needs)?;
        Ok(found[0].1.clone())
    }

    #[test]
    fn the_module_is_installed_for_the_python_that_can_have_it() {
        let fake = pyenv("0");
        let found = smtp(&fake).unwrap();
        assert_eq!(found.path, fake.root().join("usr/bin/python3"));
        assert!(fake.calls().contains("apt-get update"), "lists of this run");
    }

    #[test]
    fn without_root_the_module_goes_into_a_python_of_the_project() {
        let fake = pyenv("1000").script(
            "/usr/bin/python3",
            "case \"$*\" in
               *aiosmtpd*) exit 1;;
               *ensurepip*) echo 3.11.2;;
               *'-m venv'*) /bin/mkdir -p \"$ROOT/target/tools/python/bin\"
                 printf '#!/bin/sh\necho 1.4.6\n' > \"$ROOT/target/tools/python/bin/python\"
                 /bin/chmod +x \"$ROOT/target/tools/python/bin/python\";;
             esac",
        );
        let found = smtp(&fake).unwrap();
        assert!(found.path.starts_with(fake.root().join("target/tools")));
        assert!(!fake.calls().contains("apt-get"));
    }

    #[test]
    fn what_cannot_be_had_is_named_with_what_to_install() {
        let failure = smtp(&pyenv("1000")).unwrap_err().to_string();
        for part in ["aiosmtpd", "python3-aiosmtpd", "TOCSIN_TEST_PYTHON"] {
            assert!(failure.contains(part), "{part}: {failure}");
        }
    }

    #[test]
    fn a_missing_component_is_added_where_rustup_may_install() {
        let fake = FakeMachine::new()
            .script("/usr/bin/cargo", "[ -e \"$ROOT/clippy\" ]")
            .script("/usr/bin/rustup", ": > \"$ROOT/clippy\"");
        let project = Project::new(fake.root(), fake.machine());
        assert_eq!(components(&project, &["lint"]), Ok(()));
        assert!(fake.calls().contains("rustup component add clippy"));

        let fake = fake.script("/usr/bin/cargo", "exit 1");
        let machine = fake.machine().with("RUSTUP_AUTO_INSTALL", "0");
        let project = Project::new(fake.root(), machine);
        let failure = components(&project, &["lint"]).unwrap_err().to_string();
        assert!(failure.contains("rustup component add clippy"), "{failure}");
    }
}
