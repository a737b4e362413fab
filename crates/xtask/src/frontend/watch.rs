//! Building again whenever a source changes.
//!
//! By looking at the files' times twice a second: the sources are few, and it
//! works on every file system without another dependency.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use crate::{failure::Result, project::Project, terminal};

const PAUSE: Duration = Duration::from_millis(500);

/// What the browser program is made of.
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

/// Builds, and builds again after each change, until interrupted. A failed
/// build is shown and waits for the next change.
pub(super) fn watch(project: &Project, mut build: impl FnMut() -> Result<()>) -> Result<()> {
    let roots: Vec<PathBuf> = SOURCES.iter().map(|path| project.join(path)).collect();
    loop {
        if let Err(error) = build() {
            terminal::error(&format!("{error}"));
        }
        // Taken after the build: what the build itself wrote is no change.
        let built = state(&roots);
        terminal::note("Watching for changes; Ctrl-C ends");
        while state(&roots) == built {
            thread::sleep(PAUSE);
        }
    }
}

/// Every file with its time: a file that goes is a change too.
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
    fn new_and_removed_files_are_changes() {
        let fake = tocsin_machine::fake::FakeMachine::new();
        let folder = fake.root().join("frontend");
        fs::create_dir(&folder).unwrap();
        let roots = [folder.clone(), folder.join("missing")];
        let empty = state(&roots);
        fs::create_dir(folder.join("pages")).unwrap();
        fs::write(folder.join("pages/log.rs"), "").unwrap();
        let one = state(&roots);
        assert_ne!(empty, one);
        assert_eq!(one, state(&roots));
        fs::remove_file(folder.join("pages/log.rs")).unwrap();
        assert_ne!(one, state(&roots));
    }
}
