//! Paths of the repository, and cargo commands.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tocsin_machine::{Machine, Version};

use crate::failure::{Failure, FileContext as _, Result};

/// A checkout of the repository on a machine.
///
/// All paths are relative to `root`, so that tests can use a fake repository.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    root: PathBuf,
    machine: Machine,
    /// The cargo that started this program, else the one in `PATH`.
    cargo: OsString,
}

impl Project {
    /// The repository that this program was built from.
    pub(crate) fn here() -> Self {
        // From crates/xtask/ to the root.
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.ancestors().nth(2).unwrap_or(manifest);
        Self::new(root, Machine::here())
    }

    /// A repository at `root`.
    ///
    /// Environment variables that cargo sets for this program are removed: some build
    /// scripts depend on them (`ring` on `CARGO_MANIFEST_DIR`), and everything that
    /// depends on these would be rebuilt when builds by cargo and by the xtask alternate.
    pub(crate) fn new(root: &Path, machine: Machine) -> Self {
        let cargo = machine.variable("CARGO").unwrap_or("cargo".as_ref());
        Self {
            root: root.to_owned(),
            cargo: cargo.to_owned(),
            machine: machine.without(is_set_by_cargo),
        }
    }

    /// Sets an environment variable for all commands.
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

    /// The frontend files that the server embeds.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("frontend/dist")
    }

    /// Build directory of the server's workspace.
    pub(crate) fn target(&self) -> PathBuf {
        let configured = self.machine.variable("CARGO_TARGET_DIR");
        self.root.join(configured.unwrap_or("target".as_ref()))
    }

    /// Build directory of the frontend, which can be built by another compiler.
    pub(crate) fn frontend_target(&self) -> PathBuf {
        self.root.join("frontend/target")
    }

    /// A cargo command without working directory.
    pub(crate) fn bare_cargo(&self) -> Command {
        self.machine.command(&self.cargo)
    }

    /// A cargo command for the server's workspace.
    pub(crate) fn cargo(&self, command: &str) -> Command {
        let mut cargo = self.bare_cargo();
        cargo
            .arg(command)
            .env("CARGO_TARGET_DIR", self.target())
            .current_dir(&self.root);
        cargo
    }

    /// The required Rust version: `rust-version` in Cargo.toml.
    pub(crate) fn rust_version(&self) -> Result<Version> {
        let manifest = self.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).file("read", &manifest)?;
        let version = text
            .lines()
            .find_map(|line| line.strip_prefix("rust-version = "))
            .and_then(|value| Version::parse(value.trim_matches('"')));
        version.ok_or_else(|| {
            Failure::new(
                "determine the required Rust version",
                "Cargo.toml has no `rust-version`",
                "Restore it with `git checkout Cargo.toml`",
            )
        })
    }
}

/// Whether cargo sets this variable for the running package. Cargo's configuration and
/// directories, such as `CARGO_HOME`, are not.
fn is_set_by_cargo(name: &str) -> bool {
    matches!(name, "CARGO" | "LD_LIBRARY_PATH")
        || name.starts_with("CARGO_PKG_")
        || name.starts_with("CARGO_MANIFEST_")
        || name.starts_with("CARGO_BIN_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_set_by_cargo_are_removed() {
        for name in ["CARGO", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"] {
            assert!(is_set_by_cargo(name), "{name}");
        }
        for name in ["CARGO_HOME", "PATH", "CARGO_NET_OFFLINE", "RUSTUP_HOME"] {
            assert!(!is_set_by_cargo(name), "{name}");
        }
    }

    #[test]
    fn build_directory_can_be_configured() {
        let machine = Machine::new(Path::new("/"), &[]);
        let project = Project::new(Path::new("/a b/中文"), machine.clone());
        assert_eq!(project.target(), Path::new("/a b/中文/target"));
        let configured = machine.with("CARGO_TARGET_DIR", "/tmp/build");
        let project = Project::new(Path::new("/a b/中文"), configured);
        assert_eq!(project.target(), Path::new("/tmp/build"));
    }

    #[test]
    fn required_rust_version_is_read_from_the_manifest() {
        let version = Project::here().rust_version().unwrap();
        assert!(version >= Version::new(&[1, 95]), "{version}");
    }
}
