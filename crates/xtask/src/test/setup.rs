//! Finds and installs the tools that the tests require.

use std::{ffi::OsStr, process::Command};

use tocsin_machine::{
    ALERTMANAGER, CHROMIUM, Found, Machine, NODE, NPM, POSTGRESQL, PROMETHEUS, PYTHON_VENV,
    PYTHON_WITH_SMTP, Tool, ToolNotFound, local_tool,
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

/// A tool, and the layers that require it.
struct Requirement {
    tool: Tool,
    needed_for: &'static str,
    layers: &'static [&'static str],
}

const REQUIREMENTS: [Requirement; 6] = [
    Requirement {
        tool: PROMETHEUS,
        needed_for: "the tests with the real Prometheus",
        layers: &["e2e"],
    },
    Requirement {
        tool: ALERTMANAGER,
        needed_for: "the tests with the real Alertmanager",
        layers: &["e2e", "bench"],
    },
    Requirement {
        tool: POSTGRESQL,
        needed_for: "the tests on PostgreSQL, in a temporary cluster",
        layers: &["unit", "e2e", "bench"],
    },
    Requirement {
        tool: PYTHON_WITH_SMTP,
        needed_for: "the SMTP server of the tests",
        layers: &["unit", "e2e"],
    },
    Requirement {
        tool: PYTHON_VENV,
        needed_for: "the contract tests",
        layers: &["contract"],
    },
    Requirement {
        tool: CHROMIUM,
        needed_for: "the browser tests",
        layers: &["browser"],
    },
];

/// Layers that require Node.js.
const WITH_NODE: [&str; 3] = ["styles", "e2e", "browser"];

/// Layers that compile nothing of the project.
const WITHOUT_BUILD: [&str; 3] = ["format", "styles", super::fresh_machine::NAME];

/// Font package for Chinese text in the browser tests.
const FONT: &str = "fonts-wqy-microhei";

/// The tools found.
#[derive(Debug, Default)]
pub(super) struct Setup {
    /// Whether `cargo nextest` is installed.
    pub(super) nextest: bool,
    tools: Vec<(&'static str, Found)>,
}

impl Setup {
    /// Environment variables with the paths of the tools, for the tests.
    pub(super) fn environment(&self) -> impl Iterator<Item = (&'static str, &OsStr)> {
        self.tools
            .iter()
            .map(|(variable, found)| (*variable, found.path.as_os_str()))
    }

    /// The program found for a tool.
    pub(super) fn tool(&self, tool: &Tool) -> Option<&Found> {
        let mut tools = self.tools.iter();
        tools
            .find(|(variable, _)| *variable == tool.variable)
            .map(|(_, found)| found)
    }
}

/// Finds the tools required by the selected layers. Missing and outdated tools are
/// installed, or reported as a failure. Returns the project with the settings for its
/// builds.
pub(super) fn prepare(project: Project, apt: &Apt, layers: &[&str]) -> Result<(Project, Setup)> {
    let builds = layers.iter().any(|layer| !WITHOUT_BUILD.contains(layer));
    let steps = Steps::new(if builds { 2 } else { 1 });
    let step = steps.begin("Looking for the tools of the tests");
    if builds {
        checks::machine(&project, false)?;
    }
    components(&project, layers)?;
    let mut setup = Setup {
        tools: tools(&project, apt, &required_by(layers).collect::<Vec<_>>())?,
        ..Setup::default()
    };
    if layers.contains(&"browser") && apt.is_available() && apt.installed(FONT).is_none() {
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
        terminal::note("cargo nextest is not installed: using cargo's test runner");
    }
    Ok((project, setup))
}

/// Finds all tools, and installs the missing ones in one step.
fn tools(
    project: &Project,
    apt: &Apt,
    requirements: &[&Requirement],
) -> Result<Vec<(&'static str, Found)>> {
    let machine = project.machine();
    let mut missing = Vec::new();
    for requirement in requirements {
        match requirement.tool.find(machine) {
            Ok(_) => {}
            Err(error) if error.is_configured() => return Err(unusable(requirement, &error)),
            // A Python library can also be installed without root.
            Err(_) if is_smtp(requirement) && !apt.may_install() => {
                install_local_python(project)?;
            }
            Err(_) => missing.push(Package::new(
                requirement.tool.package,
                requirement.needed_for,
            )),
        }
    }
    apt.install(&missing)?;
    requirements
        .iter()
        .map(|requirement| {
            let found = requirement.tool.find(machine);
            let found = found.map_err(|error| unusable(requirement, &error))?;
            Ok((requirement.tool.variable, found))
        })
        .collect()
}

fn is_smtp(requirement: &Requirement) -> bool {
    requirement.tool.variable == PYTHON_WITH_SMTP.variable
}

fn unusable(requirement: &Requirement, error: &ToolNotFound) -> Failure {
    Failure::new(
        format!("prepare {}", requirement.needed_for),
        error.to_string(),
        format!(
            "Run `apt-cache policy {}` to see the available versions",
            requirement.tool.package
        ),
    )
}

fn required_by<'a>(layers: &'a [&str]) -> impl Iterator<Item = &'static Requirement> + use<'a> {
    REQUIREMENTS.iter().filter(|requirement| {
        requirement
            .layers
            .iter()
            .any(|layer| layers.contains(layer))
    })
}

/// Adds components of the Rust toolchain that rustup's minimal profile does not include.
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
            // Errors are detected below.
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
                format!("Run `rustup component add {component}`, then try again"),
            )
        })?;
    }
    Ok(())
}

/// Installs aiosmtpd into a project-local Python environment.
fn install_local_python(project: &Project) -> Result<()> {
    let machine = project.machine();
    let folder = local_tool(machine, "python");
    let failed = |found: String| {
        Failure::new(
            "install aiosmtpd, the SMTP server of the tests",
            found,
            format!(
                "As root, run `apt-get install {} {}`, or set {} to a Python that has it",
                PYTHON_WITH_SMTP.package, PYTHON_VENV.package, PYTHON_WITH_SMTP.variable
            ),
        )
    };
    let python = PYTHON_VENV
        .find(machine)
        .map_err(|error| failed(error.to_string()))?;
    terminal::note(&format!("Installing aiosmtpd into {}", folder.display()));
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
    fn layers_require_only_their_own_tools() {
        let names = |layers: &[&str]| -> Vec<_> {
            required_by(layers)
                .map(|requirement| requirement.tool.package)
                .collect()
        };
        assert!(names(&["format", "lint"]).is_empty());
        assert_eq!(names(&["browser"]), ["chromium"]);
        assert_eq!(names(&["contract"]), ["python3-venv"]);
        assert!(!names(&["e2e"]).contains(&"chromium"));
    }

    /// A Debian whose Python has aiosmtpd once the package is installed. A pyenv Python
    /// without it comes first in `PATH`.
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
        let requirements: Vec<_> = REQUIREMENTS.iter().filter(|r| is_smtp(r)).collect();
        let found = tools(&project, &Apt::new(project.machine()), &requirements)?;
        Ok(found[0].1.clone())
    }

    #[test]
    fn aiosmtpd_is_installed_for_debians_python() {
        let fake = pyenv("0");
        let found = smtp(&fake).unwrap();
        assert_eq!(found.path, fake.root().join("usr/bin/python3"));
        assert!(fake.calls().contains("apt-get update"), "refreshed lists");
    }

    #[test]
    fn without_root_aiosmtpd_is_installed_locally() {
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
    fn missing_aiosmtpd_is_reported_with_package_and_variable() {
        let failure = smtp(&pyenv("1000")).unwrap_err().to_string();
        for part in ["aiosmtpd", "python3-aiosmtpd", "TOCSIN_TEST_PYTHON"] {
            assert!(failure.contains(part), "{part}: {failure}");
        }
    }

    #[test]
    fn missing_component_is_added_if_rustup_is_allowed_to() {
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
