//! Reading the lines of an archive, compressed or not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The longest line that is read. An alert is bounded by the body limit, and
/// JSON may write a character as six.
const LONGEST: u64 = 256 << 20;

const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What comes next.
pub(super) enum Next {
    /// A line without its end, and whether it had one.
    Line(Vec<u8>, bool),
    /// There is no more.
    End,
    /// What follows cannot be read: the file is cut off or damaged there.
    Broken(io::Error),
}

/// The lines of a file.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
}

impl Lines {
    /// # Errors
    /// Whatever opening answers.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(128 << 10, File::open(path)?);
        let is_compressed = file.fill_buf()?.starts_with(&ZSTD);
        let reader: Box<dyn BufRead + Send> = if is_compressed {
            let decoder = zstd::Decoder::with_buffer(file)?;
            Box::new(BufReader::with_capacity(256 << 10, decoder))
        } else {
            Box::new(file)
        };
        Ok(Self { reader })
    }

    pub(super) fn next(&mut self) -> Next {
        let mut line = Vec::new();
        match (&mut self.reader)
            .take(LONGEST)
            .read_until(b'\n', &mut line)
        {
            Ok(0) => Next::End,
            Ok(_) => {
                let is_ended = line.last() == Some(&b'\n');
                if is_ended {
                    line.pop();
                }
                Next::Line(line, is_ended)
            }
            Err(error) => Next::Broken(error),
        }
    }
}
