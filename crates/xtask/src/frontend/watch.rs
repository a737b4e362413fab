//! Rebuilds when a source file changes.
//!
//! Polls the modification times: there are few sources, and polling works on every file
//! system without a dependency.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use crate::{failure::Result, project::Project, terminal};

const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Sources of the frontend.
const SOURCES: [&str; 9] = [
    "frontend/src",
    "frontend/static",
    "frontend/index.html",
    "frontend/Cargo.toml",
    "frontend/Cargo.lock",
    "frontend/style/input.css",
    "frontend/locales",
    "crates/api-types/src",
    "crates/core/src",
];

/// Builds, then rebuilds after each change until interrupted. After a failed build, it
/// prints the error and waits for the next change.
pub(super) fn watch(project: &Project, mut build: impl FnMut() -> Result<()>) -> Result<()> {
    let roots: Vec<PathBuf> = SOURCES.iter().map(|path| project.join(path)).collect();
    loop {
        if let Err(error) = build() {
            terminal::error(&format!("{error}"));
        }
        // Taken after the build, to ignore the files that the build itself wrote.
        let built = state(&roots);
        terminal::note("Watching for changes; press Ctrl-C to stop");
        while state(&roots) == built {
            thread::sleep(POLL_INTERVAL);
        }
    }
}

/// All files with their modification times. A deleted file is a change, too.
fn state(roots: &[PathBuf]) -> Vec<(PathBuf, Option<SystemTime>)> {
    let mut files = Vec::new();
    for root in roots {
        collect(root, &mut files);
    }
    files.sort();
    files
}

fn collect(path: &Path, files: &mut Vec<(PathBuf, Option<SystemTime>)>) {
    if let Ok(entries) = path.read_dir() {
        for entry in entries.flatten() {
            collect(&entry.path(), files);
        }
    } else if let Ok(meta) = path.metadata() {
        files.push((path.to_owned(), meta.modified().ok()));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn created_and_deleted_files_are_changes() {
        let fake = tocsin_machine::fake::FakeMachine::new();
        let folder = fake.root().join("frontend");
        fs::create_dir(&folder).unwrap();
        let roots = [folder.clone(), folder.join("missing")];
        let empty = state(&roots);
        fs::create_dir(folder.join("pages")).unwrap();
        fs::write(folder.join("pages/log.rs"), "").unwrap();
        let created = state(&roots);
        assert_ne!(empty, created);
        assert_eq!(created, state(&roots));
        fs::remove_file(folder.join("pages/log.rs")).unwrap();
        assert_ne!(created, state(&roots));
    }
}
