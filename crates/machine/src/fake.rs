//! A machine for tests: a folder with scripts in the place of programs.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::Machine;

/// A made-up machine; its folder goes with it.
#[derive(Debug)]
pub struct FakeMachine {
    root: PathBuf,
}

impl Default for FakeMachine {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeMachine {
    /// One without any program.
    ///
    /// # Panics
    /// There is no temporary folder.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tocsin-fake-{}-{number}", process::id());
        let root = env::temp_dir().join(name);
        // A process of this ID may have been killed before it cleaned up.
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("usr/bin")).unwrap_or_else(|error| panic!("{error}"));
        Self { root }
    }

    /// Where its files are.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Puts a shell script there. `$ROOT` is the machine's folder; each call is
    /// written to its log.
    ///
    /// # Panics
    /// It cannot be written.
    #[must_use]
    pub fn script(self, path: &str, body: &str) -> Self {
        let file = self.root.join(path.trim_start_matches('/'));
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let text = format!(
            "#!/bin/sh\nROOT='{0}'\necho \"{name} $*\" >> \"$ROOT/calls\"\n{body}\n",
            self.root.display()
        );
        self.file_at(&file, &text, 0o755);
        self
    }

    /// Puts a program into the path that prints one line.
    #[must_use]
    pub fn prints(self, name: &str, line: &str) -> Self {
        self.script(&format!("/usr/bin/{name}"), &format!("echo '{line}'"))
    }

    /// Puts a file there.
    ///
    /// # Panics
    /// It cannot be written.
    #[must_use]
    pub fn file(self, path: &str, text: &str) -> Self {
        let file = self.root.join(path.trim_start_matches('/'));
        self.file_at(&file, text, 0o644);
        self
    }

    fn file_at(&self, file: &Path, text: &str, mode: u32) {
        let written = fs::create_dir_all(file.parent().unwrap_or(&self.root))
            .and_then(|()| fs::write(file, text))
            .and_then(|()| fs::set_permissions(file, fs::Permissions::from_mode(mode)));
        written.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }

    /// The machine, with these folders in its path.
    #[must_use]
    pub fn with_path(&self, folders: &[&str]) -> Machine {
        let folders: Vec<_> = folders
            .iter()
            .map(|folder| self.root.join(folder.trim_start_matches('/')))
            .collect();
        let path = env::join_paths(folders).unwrap_or_default();
        let target = self.root.join("target");
        Machine::new(
            &self.root,
            &[
                ("PATH", &path),
                ("HOME", self.root.join("home").as_os_str()),
                ("CARGO_TARGET_DIR", target.as_os_str()),
            ],
        )
    }

    /// The machine, with `/usr/bin` in its path.
    #[must_use]
    pub fn machine(&self) -> Machine {
        self.with_path(&["/usr/bin"])
    }

    /// The calls of its scripts, a line each.
    #[must_use]
    pub fn calls(&self) -> String {
        fs::read_to_string(self.root.join("calls")).unwrap_or_default()
    }
}

impl Drop for FakeMachine {
    fn drop(&mut self) {
        // Not asserted: a failing test is not to become an abort.
        let _ = fs::remove_dir_all(&self.root);
    }
}
