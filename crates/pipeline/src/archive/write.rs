//! Appends log entries to the files of the archive.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tocsin_storage::archive::ArchivedEntry;

use super::frames;

/// Compresses repetitive text well, and fast.
const LEVEL: i32 = 3;

/// Limit of cached file lengths; at the limit the cache is cleared.
const MAX_CACHED_LENGTHS: usize = 1_000;

/// The files of an archive.
#[derive(Debug)]
pub(crate) struct Archive {
    directory: PathBuf,
    /// Lengths of files that end with a complete frame.
    lengths: HashMap<PathBuf, u64>,
}

impl Archive {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            lengths: HashMap::new(),
        }
    }

    /// Appends the entries to the files of their days. Returns after the data is synced
    /// to disk. Blocks.
    ///
    /// # Errors
    /// Errors of the file system. Some of the entries may then be in the files; the
    /// import ignores repeated entries.
    pub(crate) fn append(&mut self, entries: &[ArchivedEntry]) -> io::Result<()> {
        let mut days: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for entry in entries {
            let day = entry
                .received_at
                .to_datetime()
                .format("%Y-%m-%d")
                .to_string();
            let lines = days.entry(day).or_default();
            serde_json::to_writer(&mut *lines, entry)?;
            lines.push(b'\n');
        }
        if !self.directory.is_dir() {
            let mut builder = fs::DirBuilder::new();
            builder
                .recursive(true)
                .mode(0o700)
                .create(&self.directory)?;
        }
        for (day, lines) in days {
            let file = self.directory.join(format!("{day}.jsonl.zst"));
            self.append_to(&file, &frame(&lines)?)?;
        }
        Ok(())
    }

    fn append_to(&mut self, path: &Path, frame: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        // The files contain the same data as the database: readable by the owner only.
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let mut file = options.open(path)?;
        let length = file.metadata()?.len();
        let end = match self.lengths.remove(path) {
            Some(cached) if cached == length => length,
            // New, or left by a killed program, or changed by another replica.
            _ => repaired_length(&file, path, length)?,
        };
        file.seek(SeekFrom::Start(end))?;
        let written = file.write_all(frame).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // A partial frame would hide the frames after it. If this call fails too,
            // the frame is removed before the next write.
            let _ = file.set_len(end);
            return Err(error);
        }
        if length == 0 {
            File::open(&self.directory)?.sync_all()?;
        }
        if self.lengths.len() >= MAX_CACHED_LENGTHS {
            self.lengths.clear();
        }
        self.lengths
            .insert(path.to_owned(), end + frame.len() as u64);
        Ok(())
    }
}

/// Removes a truncated frame from the end of the file and returns the new length. No
/// entry of such a frame has been deleted: deletion waits for the complete write.
fn repaired_length(file: &File, path: &Path, length: u64) -> io::Result<u64> {
    if length == 0 {
        return Ok(0);
    }
    let complete = frames::complete_length(file)?;
    if complete < length {
        tracing::warn!(
            file = %path.display(),
            bytes = length - complete,
            "the last frame of the archive file is incomplete and was removed"
        );
        file.set_len(complete)?;
    }
    Ok(complete)
}

fn frame(lines: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.write_all(lines)?;
    encoder.finish()
}
