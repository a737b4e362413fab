//! Where things are in the repository.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

/// The repository, and the folders in it that the commands work on.
///
/// Every path is derived from `root`, so that a test can lay out a repository
/// of its own.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    /// The repository that this program was built from.
    pub(crate) fn here() -> Self {
        // crates/xtask/ → the root; the compiler guarantees the two parents.
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.ancestors().nth(2).unwrap_or(manifest);
        Self::at(root)
    }

    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
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
        env::var_os("CARGO_TARGET_DIR")
            .filter(|path| !path.is_empty())
            .map_or_else(|| self.root.join("target"), |path| self.root.join(path))
    }

    /// The browser program's build folder: its own, because another compiler
    /// may build it.
    pub(crate) fn frontend_target(&self) -> PathBuf {
        self.root.join("frontend/target")
    }
}

/// The cargo that started this program, else the one in the path.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    forget_this_package(&mut command);
    command
}

/// Takes back what `cargo run` told this program of its own package. Some build
/// scripts look at such variables (that of `ring` at `CARGO_MANIFEST_DIR`), and
/// would be run again, with all that depends on them, each time that a build by
/// hand follows one from here.
pub(crate) fn forget_this_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if is_of_this_package(&name) {
            command.env_remove(name);
        }
    }
}

fn is_of_this_package(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
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
    fn only_what_is_of_this_package_is_forgotten() {
        for name in [
            "CARGO",
            "CARGO_PKG_NAME",
            "CARGO_MANIFEST_DIR",
            "LD_LIBRARY_PATH",
        ] {
            assert!(is_of_this_package(name.as_ref()), "{name}");
        }
        for name in ["CARGO_HOME", "PATH", "CARGO_NET_OFFLINE", "RUSTUP_HOME"] {
            assert!(!is_of_this_package(name.as_ref()), "{name}");
        }
    }
}
