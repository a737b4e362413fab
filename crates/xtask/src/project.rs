//! Where things are in the repository.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
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
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
