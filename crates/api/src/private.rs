//! Restricts stored data to its owner: alerts, mails and the hashes of secrets.
//!
//! New files get their permissions from the umask. Files that an earlier version or a copy left
//! accessible to other users are restricted at startup.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::config::Settings;

/// Permissions of the group and of other users.
const OTHERS: u32 = 0o077;

/// A directory in which all users may create files, such as `/tmp`.
const STICKY: u32 = 0o1000;

/// Maximum number of names in a log line.
const NAMES: usize = 10;

/// Restricts all files that this process creates to its owner. To be called before threads start.
pub(crate) fn set_umask() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(OTHERS));
}

/// Restricts stored files to their owner, and logs a warning. A file that cannot be changed does
/// not prevent the start.
pub(crate) fn restrict_to_owner(settings: &Settings) {
    let mut changed = Vec::new();
    let mut failed = Vec::new();
    for path in stored(settings) {
        match close(&path) {
            Ok(false) => {}
            Ok(true) => changed.push(path),
            Err(error) => failed.push((path, error)),
        }
    }
    if !changed.is_empty() {
        tracing::warn!(
            count = changed.len(),
            paths = shown(&changed),
            "other users could access these files; access is now restricted to the owner"
        );
    }
    if let Some((_, error)) = failed.first() {
        let paths: Vec<PathBuf> = failed.iter().map(|(path, _)| path.clone()).collect();
        tracing::warn!(
            count = paths.len(),
            paths = shown(&paths),
            %error,
            "other users can access these files, and the permissions cannot be changed"
        );
    }
}

/// Restricts a file; returns whether other users had access.
fn close(path: &Path) -> io::Result<bool> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & OTHERS == 0 {
        return Ok(false);
    }
    fs::set_permissions(path, Permissions::from_mode(mode & 0o7777 & !OTHERS))?;
    Ok(true)
}

/// The data directory with its contents, and the database at its location. Directories precede
/// their contents.
fn stored(settings: &Settings) -> Vec<PathBuf> {
    let plain = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let root = plain(&settings.data_dir);
    let mails = ["mail", "demo-mail"].map(|name| root.join(name));
    let archive = settings.retention.archive_dir.as_deref().map(plain);
    let ours = |path: &Path| {
        mails.iter().any(|mail| mail == path)
            || archive
                .as_ref()
                .is_some_and(|archive| archive.starts_with(path))
    };
    let mut found = Vec::new();
    let mut shared = fs::metadata(&root).is_ok_and(|dir| dir.permissions().mode() & STICKY != 0);
    let mut files = Vec::new();
    for (path, metadata) in entries(&root) {
        if !metadata.is_dir() {
            files.push(path);
        } else if ours(&path) {
            let inner = entries(&path).filter(|(_, metadata)| metadata.is_file());
            files.extend(inner.map(|(path, _)| path));
            found.push(path);
        } else {
            // Another program has files here, too.
            shared |= path.file_name().is_some_and(|name| name != "lost+found");
        }
    }
    if shared {
        tracing::info!(
            directory = %root.display(),
            "the data directory has directories of other programs: its permissions and those of their files are unchanged"
        );
        let is_ours = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_database = ["tocsin.sqlite", "demo.sqlite"];
            is_database.iter().any(|start| name.starts_with(start))
                || path.parent().is_some_and(ours)
        };
        files.retain(is_ours);
    } else {
        found.insert(0, root);
    }
    found.append(&mut files);
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let database = settings.sqlite_file().map(|file| {
            let mut path = plain(file).into_os_string();
            path.push(suffix);
            PathBuf::from(path)
        });
        found.extend(database.filter(|path| path.is_file() && !found.contains(path)));
    }
    found
}

/// Files and directories in `dir`; symbolic links are not followed.
fn entries(dir: &Path) -> impl Iterator<Item = (PathBuf, Metadata)> {
    let entries = fs::read_dir(dir).ok().into_iter().flatten().flatten();
    let entries = entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)));
    entries.filter(|(_, metadata)| metadata.is_dir() || metadata.is_file())
}

fn shown(paths: &[PathBuf]) -> String {
    let names = paths.iter().take(NAMES);
    let names: Vec<String> = names.map(|path| path.display().to_string()).collect();
    match paths.len().saturating_sub(NAMES) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
