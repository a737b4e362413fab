//! One server at a time on an embedded database.
//!
//! A second server would treat the mails that the first one is sending as left over from a killed
//! process, and send them again.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use crate::config::ConfigError;

/// Locks the database in `file`. The system releases the lock when the value is dropped or the
/// process ends in any way.
///
/// # Errors
/// Another process has the lock, or the lock file cannot be written.
pub(crate) fn take(file: &Path) -> Result<File, ConfigError> {
    let mut path = file.as_os_str().to_owned();
    path.push(".lock");
    let path = Path::new(&path);
    let wrong = |message: String| ConfigError::new("database.url", message);
    let failed = |error: std::io::Error| wrong(format!("{}: {error}", path.display()));
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    let lock = options.open(path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(wrong(format!(
            "another tocsin process uses {}; use PostgreSQL to run several",
            file.display()
        ))),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
