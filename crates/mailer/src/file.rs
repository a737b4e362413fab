//! Mails written to files.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::{Delivered, Mailer, Mode, OutgoingMail, SendError, Stage};

/// Limits on the kept files; the oldest files are deleted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    /// Maximum number of files.
    pub max_files: usize,
    /// Maximum total size in bytes.
    pub max_bytes: u64,
}

impl Default for FileLimits {
    /// 1,000 files and 64 MiB.
    fn default() -> FileLimits {
        FileLimits {
            max_files: 1_000,
            max_bytes: 64 * 1024 * 1024,
        }
    }
}

/// Writes each mail as an `.eml` file that any mail program opens, used if no SMTP is configured.
///
/// The directory is created with mode 0700 and the files with 0600: alerts name hosts and people.
/// Files are written atomically. The name consists of the mail's date and Message-ID, so that the
/// same mail written again after a crash replaces itself, and names sort by age.
#[derive(Debug, Clone)]
pub struct FileMailer {
    dir: Arc<Path>,
    limits: FileLimits,
    /// Sizes of the existing files by name. Only this program writes here, so the directory is not
    /// listed for each mail; a file that a person deletes is noticed when it would be deleted.
    kept: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl FileMailer {
    /// Creates a mailer that writes into `dir`, which is created if missing.
    ///
    /// # Errors
    ///
    /// The directory cannot be created, read or written.
    pub fn new(dir: impl Into<PathBuf>, limits: FileLimits) -> Result<FileMailer, io::Error> {
        let dir = dir.into();
        DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        let mut kept = BTreeMap::new();
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name.ends_with(TEMPORARY) {
                fs::remove_file(entry.path())?;
            } else if name.ends_with(".eml") {
                kept.insert(name, entry.metadata()?.len());
            }
        }
        let mailer = FileMailer {
            dir: dir.into(),
            limits,
            kept: Arc::new(Mutex::new(kept)),
        };
        mailer.probe()?;
        Ok(mailer)
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Checks at startup, not at the first mail, that the directory is writable.
    fn probe(&self) -> io::Result<()> {
        let path = self.dir.join(format!("probe{TEMPORARY}"));
        create(&path)?;
        fs::remove_file(path)
    }

    fn write(&self, name: &str, message: &[u8]) -> io::Result<PathBuf> {
        // Locked while writing, so that two mails do not each make room for themselves alone. A
        // panic between two changes of the list leaves at worst a file that is not counted.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.dir.join(name);
        let temporary = self.dir.join(format!("{name}{TEMPORARY}"));
        let written = create(&temporary).and_then(|mut file| {
            file.write_all(message)?;
            file.sync_data()?;
            fs::rename(&temporary, &path)
        });
        if let Err(error) = written {
            // The file may not exist, and the first error is the one to report.
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        kept.insert(name.to_owned(), message.len() as u64);
        self.make_room(&mut kept, name)?;
        Ok(path)
    }

    /// Deletes the oldest files beyond the limits, but never the one just written, which is
    /// returned to the caller.
    fn make_room(&self, kept: &mut BTreeMap<String, u64>, newest: &str) -> io::Result<()> {
        let mut bytes: u64 = kept.values().sum();
        while kept.len() > self.limits.max_files.max(1) || bytes > self.limits.max_bytes {
            let Some(oldest) = kept.keys().find(|name| *name != newest).cloned() else {
                break;
            };
            match fs::remove_file(self.dir.join(&oldest)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => bytes -= kept.remove(&oldest).unwrap_or(0),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, mail: &OutgoingMail) -> Result<Delivered, SendError> {
        let mailer = self.clone();
        let name = file_name(mail);
        let message = mail.message.clone();
        let unavailable = |message: String| SendError::Unavailable {
            stage: Stage::Write,
            message,
        };
        tokio::task::spawn_blocking(move || mailer.write(&name, &message))
            .await
            .map_err(|error| unavailable(error.to_string()))?
            .map(|path| Delivered::Written { path })
            .map_err(|error| unavailable(format!("{}: {error}", self.dir.display())))
    }

    fn mode(&self) -> Mode {
        Mode::File
    }

    /// A disk has no timeout; this is the allowance for a slow one.
    fn send_timeout(&self) -> Duration {
        Duration::from_secs(60)
    }
}

/// Suffix of files that are being written.
const TEMPORARY: &str = ".tmp";

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// `20261122T191412.123Z-<Message-ID>.eml`, with only letters, digits and `.@_-` of the latter.
fn file_name(mail: &OutgoingMail) -> String {
    let id: String = mail
        .message_id
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '@' | '_' | '-' => c,
            _ => '_',
        })
        .take(150)
        .collect();
    format!("{}-{id}.eml", mail.date.format("%Y%m%dT%H%M%S%.3fZ"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use chrono::{DateTime, TimeDelta};

    use super::*;

    fn mail(n: i64, bytes: usize) -> OutgoingMail {
        OutgoingMail {
            from: "tocsin@example.com".to_owned(),
            to: "ops@example.com".to_owned(),
            subject: "DiskFull".to_owned(),
            message_id: format!("{n}@tocsin.example.com"),
            date: DateTime::UNIX_EPOCH + TimeDelta::seconds(n),
            message: vec![b'x'; bytes],
        }
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_mail_file_is_readable_by_its_owner_only() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("data/mail");
        let mailer = FileMailer::new(&dir, FileLimits::default()).unwrap();
        let delivered = mailer.send(&mail(1, 10)).await.unwrap();
        let Delivered::Written { path } = delivered else {
            panic!("{delivered:?}")
        };
        assert_eq!(fs::read(&path).unwrap(), vec![b'x'; 10]);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::metadata(&dir).unwrap().permissions().mode() & 0o777,
            0o700
        );
        assert_eq!(
            names(&dir),
            ["19700101T000001.000Z-1@tocsin.example.com.eml"]
        );
        assert_eq!(mailer.mode(), Mode::File);
    }

    #[tokio::test]
    async fn the_same_mail_replaces_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let mailer = FileMailer::new(dir.path(), FileLimits::default()).unwrap();
        mailer.send(&mail(1, 10)).await.unwrap();
        mailer.send(&mail(1, 10)).await.unwrap();
        assert_eq!(names(dir.path()).len(), 1);
    }

    #[tokio::test]
    async fn the_oldest_files_are_deleted_beyond_the_limits() {
        let dir = tempfile::tempdir().unwrap();
        let limits = FileLimits {
            max_files: 3,
            max_bytes: 100,
        };
        let mailer = FileMailer::new(dir.path(), limits).unwrap();
        for n in 1..=5 {
            mailer.send(&mail(n, 10)).await.unwrap();
        }
        let left = names(dir.path());
        assert_eq!(left.len(), 3);
        assert!(left[0].contains("-3@"), "{left:?}");

        // A restart counts the existing files; 95 bytes leave no room for another ten.
        let mailer = FileMailer::new(dir.path(), limits).unwrap();
        mailer.send(&mail(6, 95)).await.unwrap();
        let left = names(dir.path());
        assert_eq!(left.len(), 1, "{left:?}");

        // A file above the limit by itself is kept.
        mailer.send(&mail(7, 500)).await.unwrap();
        let left = names(dir.path());
        assert_eq!(left.len(), 1);
        assert!(left[0].contains("-7@"), "{left:?}");
    }

    #[tokio::test]
    async fn temporary_and_deleted_files_cause_no_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("x.eml.tmp"), "half").unwrap();
        fs::write(dir.path().join("notes.txt"), "mine").unwrap();
        let limits = FileLimits {
            max_files: 1,
            max_bytes: 100,
        };
        let mailer = FileMailer::new(dir.path(), limits).unwrap();
        mailer.send(&mail(1, 10)).await.unwrap();
        for name in names(dir.path()).iter().filter(|n| n.ends_with(".eml")) {
            fs::remove_file(dir.path().join(name)).unwrap();
        }
        mailer.send(&mail(2, 10)).await.unwrap();
        let left = names(dir.path());
        assert_eq!(left.len(), 2);
        assert!(left.contains(&"notes.txt".to_owned()));
    }

    #[test]
    fn a_message_id_cannot_leave_the_directory() {
        let mut mail = mail(1, 1);
        mail.message_id = "../../etc/passwd\0@x".to_owned();
        assert_eq!(
            file_name(&mail),
            "19700101T000001.000Z-.._.._etc_passwd_@x.eml"
        );
    }

    #[tokio::test]
    async fn a_deleted_directory_is_unavailable() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("mail");
        let mailer = FileMailer::new(&dir, FileLimits::default()).unwrap();
        fs::remove_dir(&dir).unwrap();
        let error = mailer.send(&mail(1, 1)).await.unwrap_err();
        assert!(
            matches!(
                error,
                SendError::Unavailable {
                    stage: Stage::Write,
                    ..
                }
            ),
            "{error}"
        );
        fs::write(&dir, "a file").unwrap();
        assert!(FileMailer::new(&dir, FileLimits::default()).is_err());
    }
}
