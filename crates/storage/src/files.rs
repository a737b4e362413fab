//! Detects whether the files of an SQLite database are still the ones that were opened.
//!
//! SQLite keeps its files open. If one of them is deleted, moved or replaced, it continues
//! with the open files and reports every commit as durable, but everything is lost when the
//! process ends. So the paths are compared with the open files: before each query, after
//! each commit and before the response, and twice a second.

use std::fmt;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A problem with a file of an SQLite database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// File name without its directory, which must not be disclosed.
    pub name: String,
    /// Whether it is the database file itself, not the `-wal` or `-shm` file.
    pub is_main: bool,
    /// Current file at its path.
    pub found: Found,
}

/// Current file at the path of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// None: it was deleted or moved.
    Nothing,
    /// Another file.
    AnotherFile,
}

/// The problem and its remedy, for responses and the log.
impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, .. } = self;
        match (self.is_main, self.found) {
            // The contents of the other two files would be written into the backup.
            (true, Found::Nothing) => write!(
                f,
                "the database file {name} was removed or moved; move it back, or stop Tocsin, remove {name}-wal and \
                 {name}-shm, restore a backup and start it again"
            ),
            (true, Found::AnotherFile) => write!(
                f,
                "the database file {name} was replaced by another file; move the original back, or restart Tocsin \
                 with SIGTERM, not SIGKILL, to use the new one"
            ),
            // A process that stops writes them into the database.
            (false, found) => write!(
                f,
                "{name}, a part of the database, was {}; move it back, or restart Tocsin with SIGTERM, not SIGKILL: \
                 when it stops, it saves the content",
                match found {
                    Found::Nothing => "removed or moved",
                    Found::AnotherFile => "replaced by another file",
                }
            ),
        }
    }
}

/// The files of one database.
#[derive(Debug)]
pub(crate) struct DatabaseFiles {
    /// The database file first.
    files: [WatchedFile; 3],
}

#[derive(Debug)]
struct WatchedFile {
    path: PathBuf,
    is_main: bool,
    /// `None` if the file does not exist.
    opened: Mutex<Option<FileId>>,
}

/// Identity of a file that stays the same when it is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl DatabaseFiles {
    /// The files of the database that was just opened from `path`. `None` if there is no
    /// file: the database is in memory.
    pub(crate) fn opened(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok().filter(Metadata::is_file)?;
        // SQLite follows symbolic links and puts the other files next to their target.
        let target = fs::canonicalize(path).ok()?;
        let sibling = |suffix: &str| {
            let mut path = target.clone().into_os_string();
            path.push(suffix);
            WatchedFile::new(PathBuf::from(path), false)
        };
        let main = WatchedFile::new(path.to_owned(), true);
        *main.opened() = Some(FileId::of(&metadata));
        Some(Self {
            files: [main, sibling("-wal"), sibling("-shm")],
        })
    }

    /// Returns the first file that is no longer the open one. Takes three calls of stat,
    /// about a microsecond each.
    pub(crate) fn problem(&self) -> Option<FileProblem> {
        self.files.iter().find_map(WatchedFile::problem)
    }

    /// Renames the `-wal` and `-shm` files that the closed database leaves next to a
    /// replaced database file: the next start would apply them to that file, to which they
    /// do not belong.
    pub(crate) fn set_aside(&self) {
        let [main, parts @ ..] = &self.files;
        let is_replaced = main
            .problem()
            .is_some_and(|problem| problem.found == Found::AnotherFile);
        if is_replaced {
            parts.iter().for_each(WatchedFile::set_aside);
        }
    }
}

impl WatchedFile {
    fn new(path: PathBuf, is_main: bool) -> Self {
        let opened = fs::metadata(&path).ok().as_ref().map(FileId::of);
        Self {
            path,
            is_main,
            opened: Mutex::new(opened),
        }
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, Option<FileId>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_aside(&self) {
        let found = fs::metadata(&self.path).ok().as_ref().map(FileId::of);
        if found.is_none() || found != *self.opened() {
            return;
        }
        let mut aside = self.path.clone().into_os_string();
        aside.push(".old");
        match fs::rename(&self.path, &aside) {
            Ok(()) => tracing::warn!(
                path = %Path::new(&aside).display(),
                "a part of the replaced database was renamed; the original file needs it under its old name"
            ),
            Err(error) => tracing::error!(
                path = %self.path.display(),
                %error,
                "remove this part of the replaced database before the next start"
            ),
        }
    }

    fn problem(&self) -> Option<FileProblem> {
        let found = match fs::metadata(&self.path) {
            Ok(metadata) => Some(FileId::of(&metadata)),
            Err(error) if is_missing(error.kind()) => None,
            // Unknown, for example because the directory is not accessible any more.
            Err(_) => return None,
        };
        let mut opened = self.opened();
        if *opened == found {
            return None;
        }
        if !self.is_main && !opened.is_some_and(FileId::is_open) {
            // SQLite itself deletes these with its last connection and creates them with
            // the next.
            *opened = found;
            return None;
        }
        Some(FileProblem {
            name: self
                .path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            is_main: self.is_main,
            found: match found {
                None => Found::Nothing,
                Some(_) => Found::AnotherFile,
            },
        })
    }
}

fn is_missing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

impl FileId {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// Whether this process has the file open. Checked only when a path has changed,
    /// because it examines every open file.
    fn is_open(self) -> bool {
        let Ok(open) = fs::read_dir("/proc/self/fd") else {
            // Unknown: reporting a problem is better than losing alerts.
            return true;
        };
        open.flatten().any(|entry| {
            fs::metadata(entry.path()).is_ok_and(|metadata| Self::of(&metadata) == self)
        })
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
