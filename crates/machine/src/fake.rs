//! A fake machine for tests: a directory with scripts instead of programs.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::Machine;

/// A fake machine. Its directory is removed on drop.
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
    /// Creates a machine without any program.
    ///
    /// # Panics
    /// If the directory cannot be created.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tocsin-fake-{}-{number}", process::id());
        let root = env::temp_dir().join(name);
        // Left over if an earlier process with this ID was killed.
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("usr/bin")).unwrap_or_else(|error| panic!("{error}"));
        Self { root }
    }

    /// Root directory of the machine.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Adds a shell script. `$ROOT` is the machine's root directory. Each call is
    /// logged, see [`Self::calls`].
    ///
    /// # Panics
    /// If the file cannot be written.
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

    /// Adds a program to `/usr/bin` that prints one line.
    #[must_use]
    pub fn prints(self, name: &str, line: &str) -> Self {
        self.script(&format!("/usr/bin/{name}"), &format!("echo '{line}'"))
    }

    /// Adds a file.
    ///
    /// # Panics
    /// If the file cannot be written.
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

    /// The machine with these directories in `PATH`.
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

    /// The machine with `/usr/bin` in `PATH`.
    #[must_use]
    pub fn machine(&self) -> Machine {
        self.with_path(&["/usr/bin"])
    }

    /// Log of the script calls, one per line.
    #[must_use]
    pub fn calls(&self) -> String {
        fs::read_to_string(self.root.join("calls")).unwrap_or_default()
    }
}

impl Drop for FakeMachine {
    fn drop(&mut self) {
        // Not asserted: a panic while a test unwinds would abort the test process.
        let _ = fs::remove_dir_all(&self.root);
    }
}
