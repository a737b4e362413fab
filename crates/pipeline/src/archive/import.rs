//! `tocsin import`: restores archived log entries into a database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize as _;
use tocsin_core::fingerprint::Fingerprint;
use tocsin_storage::archive::{self, ArchivedEntry, Line, Restorer, VERSION};
use tocsin_storage::{Db, StorageError, retention};
use tokio::sync::mpsc;

use super::lines::{Lines, Next};
use crate::Clock;

/// Lines restored per transaction.
const STEP: usize = 250;

/// Attempts for a batch that conflicts with another writer.
const MAX_ATTEMPTS: u32 = 5;

/// Reason why an import ended early. The lines before are imported, and a repeated
/// import ignores them.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{}: {source}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Error from the operating system.
        source: std::io::Error,
    },
    /// A line is not a valid archive line.
    #[error("{}, line {line}: {message}", .file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// Line number, from 1.
        line: u64,
        /// The problem and the expected value.
        message: String,
    },
    /// Error from the database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Result of importing a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Number of lines read.
    pub lines: u64,
    /// Number of entries that were inserted.
    pub entries: u64,
    /// Number of entries that existed already.
    pub known: u64,
    /// Number of incidents that were inserted.
    pub incidents: u64,
    /// Reason why the rest of the file could not be read: it is truncated or damaged.
    pub cut_off: Option<String>,
}

/// Imports archive files into a database.
///
/// An entry is added to the statistics unless it was counted before: either this
/// database archived it (statistics outlive the log), or the same line was imported
/// before.
pub struct Importer {
    db: Db,
    clock: Arc<dyn Clock>,
    database: String,
    restorer: Restorer,
    count_own: bool,
}

impl Importer {
    /// Creates an importer into `db`. On SQLite no other program may use the database.
    /// `count_own`: also count entries that this database archived itself, for a
    /// database that was restored from a backup since.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn new(db: Db, clock: Arc<dyn Clock>, count_own: bool) -> Result<Self, StorageError> {
        let tx = db.begin().await?;
        let candidate = format!("{:016x}", rand::random::<u64>());
        let database = retention::instance(&tx, &candidate).await?;
        tx.commit().await?;
        let restorer = Restorer::new(&db, &database).await?;
        Ok(Self {
            db,
            clock,
            database,
            restorer,
            count_own,
        })
    }

    /// Imports a file, compressed or not.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub async fn file(&mut self, path: &Path) -> Result<ImportReport, ImportError> {
        let mut report = ImportReport::default();
        let (send, mut batches) = mpsc::channel(2);
        let file = path.to_owned();
        let reading = tokio::task::spawn_blocking(move || read(&file, &send));
        let mut source = None;
        while let Some(batch) = batches.recv().await {
            let source = match &mut source {
                Some(source) => source,
                None => source.insert(self.source(batch.first_line.as_deref()).await?),
            };
            self.batch(&batch, source, &mut report).await?;
        }
        match reading.await {
            Ok(Ok(cut_off)) => {
                report.cut_off = cut_off;
                Ok(report)
            }
            Ok(Err(error)) => Err(error),
            Err(error) => Err(ImportError::File {
                file: path.to_owned(),
                source: std::io::Error::other(error),
            }),
        }
    }

    async fn source(&self, first_line: Option<&str>) -> Result<Source, StorageError> {
        let first_line = first_line.unwrap_or_default().to_owned();
        Ok(Source {
            counted: archive::counted(&self.db, &first_line).await?,
            first_line,
        })
    }

    async fn batch(
        &mut self,
        batch: &Batch,
        source: &Source,
        report: &mut ImportReport,
    ) -> Result<(), StorageError> {
        let lines: Vec<Line> = batch
            .entries
            .iter()
            .map(|(number, entry)| Line {
                count: *number > source.counted
                    && (self.count_own || entry.database != self.database),
                entry: entry.clone(),
            })
            .collect();
        let Some((last, _)) = batch.entries.last() else {
            return Ok(());
        };
        let mut attempts = 0;
        let restored = loop {
            attempts += 1;
            match self.restore(&lines, *last, source).await {
                Err(error) if error.is_transient() && attempts < MAX_ATTEMPTS => {
                    tracing::info!(%error, "retrying an import batch");
                }
                other => break other?,
            }
        };
        report.lines += lines.len() as u64;
        report.entries += restored.entries;
        report.known += restored.known;
        report.incidents += restored.incidents;
        Ok(())
    }

    async fn restore(
        &mut self,
        lines: &[Line],
        last: u64,
        source: &Source,
    ) -> Result<archive::Restored, StorageError> {
        let now = self.clock.now();
        let tx = self.db.begin().await?;
        let restored = self.restorer.restore(&tx, lines, now).await?;
        if last > source.counted {
            archive::note_counted(&tx, &source.first_line, last).await?;
        }
        tx.commit().await?;
        Ok(restored)
    }
}

/// A file, identified by its first line, with the number of its lines that are counted
/// already.
struct Source {
    first_line: String,
    counted: u64,
}

/// A batch of lines with their line numbers.
#[derive(Debug, Default)]
struct Batch {
    /// First line of the file; in its first batch only.
    first_line: Option<String>,
    entries: Vec<(u64, ArchivedEntry)>,
}

/// Reads a file and sends its lines in batches. Returns the reason if the file is
/// truncated.
fn read(path: &Path, to: &mpsc::Sender<Batch>) -> Result<Option<String>, ImportError> {
    let file_error = |source| ImportError::File {
        file: path.to_owned(),
        source,
    };
    let mut lines = Lines::open(path).map_err(file_error)?;
    let mut batch = Batch::default();
    let mut number = 0;
    let mut is_first = true;
    let result = loop {
        let (line, has_line_break) = match lines.next() {
            Next::Line(line, has_line_break) => (line, has_line_break),
            Next::End => break Ok(None),
            Next::Broken(error) => {
                let reason = format!("cannot be read after line {number}: {error}");
                break Ok(Some(reason));
            }
        };
        number += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match parse(&line) {
            Ok(entry) => {
                if std::mem::take(&mut is_first) {
                    batch.first_line = String::from_utf8(line).ok();
                }
                batch.entries.push((number, entry));
            }
            Err(message) if has_line_break => {
                break Err(ImportError::Line {
                    file: path.to_owned(),
                    line: number,
                    message,
                });
            }
            // An uncompressed file that was truncated within a line; a compressed one
            // would fail to decode.
            Err(_) => break Ok(Some(format!("is truncated in line {number}"))),
        }
        if batch.entries.len() >= STEP && to.blocking_send(std::mem::take(&mut batch)).is_err() {
            return Ok(None);
        }
    };
    // The lines before an error are valid.
    if !batch.entries.is_empty() {
        // The receiver may be closed after an error, which is returned instead.
        let _ = to.blocking_send(batch);
    }
    result
}

fn parse(line: &[u8]) -> Result<ArchivedEntry, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        v: u32,
    }
    let value: serde_json::Value =
        serde_json::from_slice(line).map_err(|error| format!("expected JSON: {error}"))?;
    match Version::deserialize(&value) {
        Ok(Version { v }) if v > VERSION => {
            return Err(format!(
                "written by a newer version of Tocsin (archive version {v}; this program reads {VERSION})"
            ));
        }
        Ok(_) => {}
        Err(_) => return Err("expected an archive line, which begins with {\"v\":".to_owned()),
    }
    let entry: ArchivedEntry = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let is_fingerprint = entry.fingerprint.parse::<Fingerprint>().is_ok();
    if !is_fingerprint {
        return Err("fingerprint: expected 16 hexadecimal digits".to_owned());
    }
    Ok(entry)
}
