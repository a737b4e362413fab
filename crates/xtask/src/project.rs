//! Where things are in the repository, and how its programs are run.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tocsin_machine::{Machine, Version};

use crate::failure::{Failure, FileContext as _, Result};

/// The repository on a machine.
///
/// Every path is derived from `root`, so that a test can lay out a repository
/// of its own.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    root: PathBuf,
    machine: Machine,
    /// The cargo that started this program, else the one in the path.
    cargo: OsString,
}

impl Project {
    /// The repository that this program was built from, on this machine.
    pub(crate) fn here() -> Self {
        // crates/xtask/ → the root; the compiler guarantees the two parents.
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.ancestors().nth(2).unwrap_or(manifest);
        Self::new(root, Machine::here())
    }

    /// A repository at `root`. Variables that cargo set for this program alone
    /// do not reach other programs: some build scripts look at them (that of
    /// `ring` at `CARGO_MANIFEST_DIR`) and would run again, with all that depends
    /// on them, each time that a build by hand follows one from here.
    pub(crate) fn new(root: &Path, machine: Machine) -> Self {
        let cargo = machine.variable("CARGO").unwrap_or("cargo".as_ref());
        Self {
            root: root.to_owned(),
            cargo: cargo.to_owned(),
            machine: machine.without(is_of_this_package),
        }
    }

    /// The same with one variable changed for all programs that it runs.
    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.machine = self.machine.with(name, value);
        self
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(crate) fn join(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub(crate) fn frontend(&self) -> PathBuf {
        self.root.join("frontend")
    }

    /// The finished browser files, which the server embeds.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("frontend/dist")
    }

    /// Cargo's build folder for the server's workspace.
    pub(crate) fn target(&self) -> PathBuf {
        let named = self.machine.variable("CARGO_TARGET_DIR");
        self.root.join(named.unwrap_or("target".as_ref()))
    }

    /// The browser program's build folder: its own, because another compiler
    /// may build it.
    pub(crate) fn frontend_target(&self) -> PathBuf {
        self.root.join("frontend/target")
    }

    /// Cargo, anywhere.
    pub(crate) fn bare_cargo(&self) -> Command {
        self.machine.command(&self.cargo)
    }

    /// Cargo on the server's workspace.
    pub(crate) fn cargo(&self, command: &str) -> Command {
        let mut cargo = self.bare_cargo();
        cargo
            .arg(command)
            .env("CARGO_TARGET_DIR", self.target())
            .current_dir(&self.root);
        cargo
    }

    /// The Rust version that the project needs: `rust-version` in Cargo.toml.
    pub(crate) fn rust_version(&self) -> Result<Version> {
        let manifest = self.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).file("read", &manifest)?;
        let version = text
            .lines()
            .find_map(|line| line.strip_prefix("rust-version = "))
            .and_then(|value| Version::parse(value.trim_matches('"')));
        version.ok_or_else(|| {
            Failure::new(
                "find out which Rust the project needs",
                "Cargo.toml has no `rust-version`",
                "Restore it with `git checkout Cargo.toml`",
            )
        })
    }
}

fn is_of_this_package(name: &str) -> bool {
    // Where cargo is and keeps its things, and the user's settings, stay.
    matches!(name, "CARGO" | "LD_LIBRARY_PATH")
        || name.starts_with("CARGO_PKG_")
        || name.starts_with("CARGO_MANIFEST_")
        || name.starts_with("CARGO_BIN_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_this_package_do_not_reach_other_programs() {
        for name in ["CARGO", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"] {
            assert!(is_of_this_package(name), "{name}");
        }
        for name in ["CARGO_HOME", "PATH", "CARGO_NET_OFFLINE", "RUSTUP_HOME"] {
            assert!(!is_of_this_package(name), "{name}");
        }
    }

    #[test]
    fn the_build_folder_is_where_the_user_wants_it() {
        let machine = Machine::new(Path::new("/"), &[]);
        let project = Project::new(Path::new("/a b/中文"), machine.clone());
        assert_eq!(project.target(), Path::new("/a b/中文/target"));
        let named = machine.with("CARGO_TARGET_DIR", "/tmp/build");
        let project = Project::new(Path::new("/a b/中文"), named);
        assert_eq!(project.target(), Path::new("/tmp/build"));
    }

    #[test]
    fn the_needed_version_is_that_of_the_manifest() {
        let version = Project::here().rust_version().unwrap();
        assert!(version >= Version::new(&[1, 95]), "{version}");
    }
}
