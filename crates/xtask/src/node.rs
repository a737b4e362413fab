//! Node.js and npm, for the stylesheet, the browser tests and the OpenID provider of the
//! tests.
//!
//! Node.js of Debian 12 is too old for Playwright and Tailwind. Node.js is also available
//! as an npm package, so a local copy is installed without a change to the system.

use std::{fs, path::Path, process::Command};

use tocsin_machine::{
    Found, Machine, NODE, NPM, Version, local_tool, node_package, with_program_first,
};

use crate::{
    apt::{Apt, Package},
    failure::{Failure, FileContext as _, Result},
    project::Project,
    terminal,
};

/// Version of the local copy: the current long-term support release.
const LOCAL_VERSION: &str = "24";
const NEEDED_FOR: &str = "the browser tests, the stylesheet and the OpenID provider of the tests";

/// Node.js and npm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) node: Found,
    pub(crate) npm: Found,
}

impl Node {
    /// An npm command that uses this Node.js.
    pub(crate) fn npm(&self, machine: &Machine) -> Command {
        self.run(machine, &self.npm.path)
    }

    /// A command for a script that looks up `node` in `PATH`.
    pub(crate) fn run(&self, machine: &Machine, program: &Path) -> Command {
        let mut command = machine.command(program);
        with_program_first(machine, &mut command, &self.node.path);
        command
    }
}

/// Finds Node.js and npm, and installs them if they are missing or too old.
///
/// # Errors
/// [`Failure`] if they cannot be found or installed.
pub(crate) fn find(project: &Project, apt: &Apt) -> Result<Node> {
    let machine = project.machine();
    let error = match find_installed(machine) {
        Ok(node) => return Ok(node),
        Err(error) => error,
    };
    let failed = |found: String| {
        Failure::new(
            "get Node.js",
            found,
            format!(
                "Install Node.js {} or later with npm, or set {} and {} to their paths",
                Version::new(NODE.minimum),
                NODE.variable,
                NPM.variable
            ),
        )
    };
    if machine.variable(NODE.variable).is_some() || machine.variable(NPM.variable).is_some() {
        return Err(failed(error));
    }
    // npm comes first: it installs the local Node.js.
    if NPM.find(machine).is_err() {
        let packages = [
            Package::new(NODE.package, NEEDED_FOR),
            Package::new(NPM.package, NEEDED_FOR),
        ];
        apt.install(&packages)?;
    }
    if NODE.find(machine).is_err() {
        install_locally(project)?;
    }
    find_installed(machine).map_err(failed)
}

fn find_installed(machine: &Machine) -> Result<Node, String> {
    Ok(Node {
        node: NODE.find(machine).map_err(|error| error.to_string())?,
        npm: NPM.find(machine).map_err(|error| error.to_string())?,
    })
}

/// Installs Node.js into the build directory.
fn install_locally(project: &Project) -> Result<()> {
    let machine = project.machine();
    let folder = local_tool(machine, "node");
    let npm = NPM.find(machine).map_err(|error| {
        Failure::new(
            "get Node.js",
            error.to_string(),
            "Install npm, then try again",
        )
    })?;
    fs::create_dir_all(&folder).file("create", &folder)?;
    let manifest = folder.join("package.json");
    fs::write(&manifest, "{ \"private\": true }\n").file("write", &manifest)?;
    let step =
        terminal::step("Installing a newer Node.js from the npm registry, only for this project");
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
        .arg(format!("{}@{LOCAL_VERSION}", node_package()));
    machine.output(&mut command).map_err(|failed| {
        Failure::new(
            "install Node.js from the npm registry",
            failed.to_string(),
            "Check the network and npm's configuration (`npm config list`) or install Node.js manually, then try again",
        )
    })?;
    step.done("");
    Ok(())
}

/// Installs the packages of a lock file into the directory's `node_modules`, unless
/// they are installed already. Install scripts are not run, because no package requires
/// them.
///
/// `npm ci` cannot be used: it requires that the lock file lists all optional packages
/// of other platforms, and a partial mirror does not have them.
pub(crate) fn install_packages(machine: &Machine, node: &Node, folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    // Written last, to mark a complete installation: npm's own marker file is written
    // earlier.
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
            "Check the network and npm's configuration (`npm config list`), then try again",
        )
    })?;
    fs::write(&installed, wanted).file("write", &installed)
}

#[cfg(test)]
mod tests {
    use tocsin_machine::fake::FakeMachine;

    use super::*;

    /// A machine with Debian's Node.js, and an npm that installs a newer one.
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

    fn find_on(fake: &FakeMachine, machine: Machine) -> Result<Node> {
        let project = Project::new(fake.root(), machine);
        find(&project, &Apt::new(project.machine()))
    }

    #[test]
    fn outdated_node_is_replaced_by_a_local_copy() {
        let fake = debian();
        let found = find_on(&fake, fake.machine()).unwrap();
        assert_eq!(found.node.version.to_string(), "24.22.1");
        assert!(found.node.path.starts_with(fake.root().join("target")));
        assert!(!fake.calls().contains("apt-get"));
    }

    #[test]
    fn outdated_node_in_path_does_not_hide_a_newer_one() {
        let fake = FakeMachine::new()
            .script("/home/.nvm/bin/node", "echo v16.20.0")
            .script("/home/.nvm/bin/npm", "echo 8.19.0")
            .prints("node", "v22.1.0");
        let machine = fake.with_path(&["/home/.nvm/bin", "/usr/bin"]);
        let found = find_on(&fake, machine.clone()).unwrap();
        assert_eq!(found.node.path, fake.root().join("usr/bin/node"));
        // npm looks up `node` in `PATH`.
        let npm = found.npm(&machine);
        let path = npm.get_envs().find(|(name, _)| *name == "PATH");
        let path = path.and_then(|(_, value)| value).unwrap();
        let first = std::env::split_paths(path).next();
        assert_eq!(first, Some(fake.root().join("usr/bin")));
    }

    #[test]
    fn outdated_configured_node_is_an_error() {
        let fake = debian();
        let configured = fake.root().join("usr/bin/node");
        let machine = fake
            .machine()
            .with("TOCSIN_TEST_NODE", configured.as_os_str());
        let failure = find_on(&fake, machine).unwrap_err().to_string();
        assert!(failure.contains("TOCSIN_TEST_NODE is set to"), "{failure}");
        assert!(failure.contains("version 18.20.4"), "{failure}");
    }
}
