//! Appending to the files of an archive.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tocsin_storage::archive::ArchivedEntry;

use super::frames;

/// As good as most for text that repeats itself, and quick.
const LEVEL: i32 = 3;

/// Lengths that are remembered before all are forgotten.
const REMEMBERED: usize = 1_000;

/// The files of an archive.
#[derive(Debug)]
pub(crate) struct Archive {
    directory: PathBuf,
    /// How long the files are that end in a whole frame.
    lengths: HashMap<PathBuf, u64>,
}

impl Archive {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            lengths: HashMap::new(),
        }
    }

    /// Appends the entries to the files of their days. When it returns they are
    /// on the disk. Blocks.
    ///
    /// # Errors
    /// Whatever the system answers. Some of the entries may then be in the
    /// files; reading passes over what is there twice.
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
        // It holds what the database holds: for its owner only.
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let mut file = options.open(path)?;
        let length = file.metadata()?.len();
        let end = match self.lengths.remove(path) {
            Some(known) if known == length => length,
            // New, or left by a program that was killed, or another replica's.
            _ => mended(&file, path, length)?,
        };
        file.seek(SeekFrom::Start(end))?;
        let written = file.write_all(frame).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // A frame that is there in part would hide those after it; if this
            // fails too, it is cut off before the next is written.
            let _ = file.set_len(end);
            return Err(error);
        }
        if length == 0 {
            File::open(&self.directory)?.sync_all()?;
        }
        if self.lengths.len() >= REMEMBERED {
            self.lengths.clear();
        }
        self.lengths
            .insert(path.to_owned(), end + frame.len() as u64);
        Ok(())
    }
}

/// The length of the file without a frame that was cut off. Nothing that was
/// in such a frame has been deleted: that waits for the whole of it.
fn mended(file: &File, path: &Path, length: u64) -> io::Result<u64> {
    if length == 0 {
        return Ok(0);
    }
    let whole = frames::whole(file)?;
    if whole < length {
        tracing::warn!(
            file = %path.display(),
            bytes = length - whole,
            "the archive's last frame was not written to its end, and is cut off"
        );
        file.set_len(whole)?;
    }
    Ok(whole)
}

fn frame(lines: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.write_all(lines)?;
    encoder.finish()
}
