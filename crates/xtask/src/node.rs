//! Node.js and npm, for styling, the browser tests and the tests' OpenID
//! provider.
//!
//! Debian 12's Node.js is too old for Playwright and Tailwind. The npm registry
//! has Node.js itself as a package, so the project gets one for itself, without
//! a change to the system.

use std::{fs, path::Path, process::Command};

use tocsin_machine::{Found, Machine, NODE, NPM, Version, node_package, own, with_program_first};

use crate::{
    apt::{Apt, Package},
    failure::{Failure, FileContext as _, Result},
    project::Project,
    terminal,
};

/// The version of the project's own copy: the one with long-term support.
const OWN_VERSION: &str = "24";
const NEEDED_FOR: &str = "the browser tests, the stylesheet and the tests' OpenID provider";

/// Both, fit for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) node: Found,
    pub(crate) npm: Found,
}

impl Node {
    /// `npm …`, run by this Node.js.
    pub(crate) fn npm(&self, machine: &Machine) -> Command {
        self.run(machine, &self.npm.path)
    }

    /// A program whose first line asks the path for `node`.
    pub(crate) fn run(&self, machine: &Machine, program: &Path) -> Command {
        let mut command = machine.command(program);
        with_program_first(machine, &mut command, &self.node.path);
        command
    }
}

/// Node.js and npm, installed where they are missing or too old.
///
/// # Errors
/// They cannot be had; the failure says what was found and what to do.
pub(crate) fn find(project: &Project, apt: &Apt) -> Result<Node> {
    let machine = project.machine();
    let unfit = match both(machine) {
        Ok(node) => return Ok(node),
        Err(unfit) => unfit,
    };
    let failed = |found: String| {
        Failure::new(
            "get Node.js",
            found,
            format!(
                "Install Node.js {} or later with npm, or name them with {} and {}",
                Version::new(NODE.minimum),
                NODE.variable,
                NPM.variable
            ),
        )
    };
    if machine.variable(NODE.variable).is_some() || machine.variable(NPM.variable).is_some() {
        return Err(failed(unfit));
    }
    // npm comes first: the project's own Node.js is fetched by it.
    if NPM.find(machine).is_err() {
        let packages = [
            Package::new(NODE.package, NEEDED_FOR),
            Package::new(NPM.package, NEEDED_FOR),
        ];
        apt.install(&packages)?;
    }
    if NODE.find(machine).is_err() {
        fetch(project)?;
    }
    both(machine).map_err(failed)
}

fn both(machine: &Machine) -> Result<Node, String> {
    Ok(Node {
        node: NODE.find(machine).map_err(|unfit| unfit.to_string())?,
        npm: NPM.find(machine).map_err(|unfit| unfit.to_string())?,
    })
}

/// Puts a Node.js into the build folder.
fn fetch(project: &Project) -> Result<()> {
    let machine = project.machine();
    let folder = own(machine, "node");
    let npm = NPM.find(machine).map_err(|unfit| {
        Failure::new(
            "get Node.js",
            unfit.to_string(),
            "Install npm, and try again",
        )
    })?;
    fs::create_dir_all(&folder).file("create", &folder)?;
    let manifest = folder.join("package.json");
    fs::write(&manifest, "{ \"private\": true }\n").file("write", &manifest)?;
    let step =
        terminal::step("Getting a newer Node.js from the npm registry, for this project alone");
    let mut command = machine.command(&npm.path);
    command
        .args([
            "install",
            "--no-save",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ])
        .args(["--loglevel=error", "--prefix"])
        .arg(&folder)
        .arg(format!("{}@{OWN_VERSION}", node_package()));
    machine.output(&mut command).map_err(|failed| {
        Failure::new(
            "get Node.js from the npm registry",
            failed.to_string(),
            "Check the network and npm's settings (`npm config list`), or install Node.js yourself, and try again",
        )
    })?;
    step.done("");
    Ok(())
}

/// Installs what a lock file names into the folder's `node_modules`, unless that
/// was done since the lock file changed. Install scripts are not run: nothing
/// here needs them.
///
/// Not `npm ci`: it wants the lock file to list every optional package for every
/// other platform, and a registry that mirrors only some of them cannot give that.
pub(crate) fn install_packages(machine: &Machine, node: &Node, folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    // Written last, and by us: npm's own note of this folder is there before all is.
    let installed = folder.join("node_modules/.tocsin-installed");
    let wanted = fs::read_to_string(&lock).file("read", &lock)?;
    if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    terminal::note(&format!("npm install in {}", folder.display()));
    let mut npm = node.npm(machine);
    npm.args(["install", "--no-save", "--ignore-scripts", "--no-audit"])
        .args(["--no-fund", "--loglevel=error"])
        .current_dir(folder);
    machine.output(&mut npm).map_err(|failed| {
        Failure::new(
            format!("install the npm packages of {}", folder.display()),
            failed.to_string(),
            "Check the network and npm's settings (`npm config list`), and try again",
        )
    })?;
    fs::write(&installed, wanted).file("write", &installed)
}

#[cfg(test)]
mod tests {
    use tocsin_machine::fake::FakeMachine;

    use super::*;

    /// A machine with Debian's Node.js, and an npm that brings a newer one.
    fn debian() -> FakeMachine {
        FakeMachine::new()
            .prints("id", "0")
            .prints("node", "v18.20.4")
            .script(
                "/usr/bin/npm",
                &format!(
                    r#"[ "$1" = --version ] && echo 9.2.0 && exit 0
                    bin="$ROOT/target/tools/node/node_modules/{}/bin"
                    /bin/mkdir -p "$bin"
                    printf '#!/bin/sh\necho v24.22.1\n' > "$bin/node"; /bin/chmod +x "$bin/node""#,
                    node_package()
                ),
            )
    }

    fn look(fake: &FakeMachine, machine: Machine) -> Result<Node> {
        let project = Project::new(fake.root(), machine);
        find(&project, &Apt::new(project.machine()))
    }

    #[test]
    fn a_node_that_is_too_old_is_replaced_for_the_project_alone() {
        let fake = debian();
        let found = look(&fake, fake.machine()).unwrap();
        assert_eq!(found.node.version.to_string(), "24.22.1");
        assert!(found.node.path.starts_with(fake.root().join("target")));
        assert!(!fake.calls().contains("apt-get"));
    }

    #[test]
    fn an_older_node_of_a_version_manager_does_not_hide_a_newer_one() {
        let fake = FakeMachine::new()
            .script("/home/.nvm/bin/node", "echo v16.20.0")
            .script("/home/.nvm/bin/npm", "echo 8.19.0")
            .prints("node", "v22.1.0");
        let machine = fake.with_path(&["/home/.nvm/bin", "/usr/bin"]);
        let found = look(&fake, machine.clone()).unwrap();
        assert_eq!(found.node.path, fake.root().join("usr/bin/node"));
        // The npm of the path asks the path for its `node`.
        let npm = found.npm(&machine);
        let path = npm.get_envs().find(|(name, _)| *name == "PATH");
        let path = path.and_then(|(_, value)| value).unwrap();
        let first = std::env::split_paths(path).next();
        assert_eq!(first, Some(fake.root().join("usr/bin")));
    }

    #[test]
    fn a_named_node_that_is_too_old_is_an_error() {
        let fake = debian();
        let named = fake.root().join("usr/bin/node");
        let machine = fake.machine().with("TOCSIN_TEST_NODE", named.as_os_str());
        let failure = look(&fake, machine).unwrap_err().to_string();
        assert!(failure.contains("TOCSIN_TEST_NODE names"), "{failure}");
        assert!(failure.contains("version 18.20.4"), "{failure}");
    }
}
