//! `tocsin import`: archived history back into a database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize as _;
use tocsin_core::fingerprint::Fingerprint;
use tocsin_storage::archive::{self, ArchivedEntry, Line, Restorer, VERSION};
use tocsin_storage::{Db, StorageError, retention};
use tokio::sync::mpsc;

use super::lines::{Lines, Next};
use crate::Clock;

/// Lines that are restored in one transaction.
const STEP: usize = 250;

/// How often a batch that another writer was in the way of is tried.
const TRIES: u32 = 5;

/// Why an import ended early. What precedes is imported, and importing again
/// passes over it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{}: {source}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is not of an archive.
    #[error("{}, line {line}: {message}", .file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Lines that were read.
    pub lines: u64,
    /// Entries that are stored now.
    pub entries: u64,
    /// Entries that were stored already.
    pub known: u64,
    /// Incidents that are stored now.
    pub incidents: u64,
    /// Why nothing after those lines could be read: the file was cut off while
    /// it was written, or is damaged.
    pub cut_off: Option<String>,
}

/// Imports files of an archive into a database.
///
/// The statistics count an entry unless they have counted it already: because
/// this very database archived it (its statistics outlived it), or because the
/// same line was imported before.
pub struct Importer {
    db: Db,
    clock: Arc<dyn Clock>,
    database: String,
    restorer: Restorer,
    count_own: bool,
}

impl Importer {
    /// Imports into `db`, which no other program writes unless it is a
    /// PostgreSQL. `count_own`: counts also what this database archived itself,
    /// for one that was set back to a backup since.
    ///
    /// # Errors
    /// Whatever the database answers.
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

    /// Imports one file, compressed or not.
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
        let mut tries = 0;
        let restored = loop {
            tries += 1;
            match self.restore(&lines, *last, source).await {
                Err(error) if error.is_transient() && tries < TRIES => {
                    tracing::info!(%error, "importing a part again");
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

/// A file, known by its first line, and how many of its lines are counted.
struct Source {
    first_line: String,
    counted: u64,
}

/// Lines that were read together, with their numbers.
#[derive(Debug, Default)]
struct Batch {
    /// Of the file; with its first batch only.
    first_line: Option<String>,
    entries: Vec<(u64, ArchivedEntry)>,
}

/// Reads a file and hands its lines over; answers why it ended early, if it was
/// cut off.
fn read(path: &Path, to: &mpsc::Sender<Batch>) -> Result<Option<String>, ImportError> {
    let wrong = |source| ImportError::File {
        file: path.to_owned(),
        source,
    };
    let mut lines = Lines::open(path).map_err(wrong)?;
    let mut batch = Batch::default();
    let mut number = 0;
    let mut is_first = true;
    let ended = loop {
        let (line, is_ended) = match lines.next() {
            Next::Line(line, is_ended) => (line, is_ended),
            Next::End => break Ok(None),
            Next::Broken(error) => {
                let what = format!("cannot be read after line {number}: {error}");
                break Ok(Some(what));
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
            Err(message) if is_ended => {
                break Err(ImportError::Line {
                    file: path.to_owned(),
                    line: number,
                    message,
                });
            }
            // A plain file that was cut off in the middle of a line; a
            // compressed one would have been broken.
            Err(_) => break Ok(Some(format!("is cut off in line {number}"))),
        }
        if batch.entries.len() >= STEP && to.blocking_send(std::mem::take(&mut batch)).is_err() {
            return Ok(None);
        }
    };
    // Whatever ended it: what precedes is good.
    if !batch.entries.is_empty() {
        // Nobody listens any more after an error, which is told instead.
        let _ = to.blocking_send(batch);
    }
    ended
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
                "written by a newer tocsin (version {v} of the archive; this one reads {VERSION})"
            ));
        }
        Ok(_) => {}
        Err(_) => return Err("expected a line of an archive, which begins {\"v\":".to_owned()),
    }
    let entry: ArchivedEntry = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let is_fingerprint = entry.fingerprint.parse::<Fingerprint>().is_ok();
    if !is_fingerprint {
        return Err("fingerprint: expected 16 hexadecimal digits".to_owned());
    }
    Ok(entry)
}
