//! Reading the lines of an archive, compressed or not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Longest line that is read, in bytes. An alert is bounded by the body limit, and JSON
/// may escape a character as six.
const MAX_LINE: u64 = 256 << 20;

const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Result of reading a line.
pub(super) enum Next {
    /// A line without its line break, and whether it had one.
    Line(Vec<u8>, bool),
    /// End of the file.
    End,
    /// The rest cannot be read: the file is truncated or damaged.
    Broken(io::Error),
}

/// Reader of the lines of a file.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
}

impl Lines {
    /// Opens a file, compressed or not.
    ///
    /// # Errors
    /// Errors of opening or reading the file.
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
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
        {
            Ok(0) => Next::End,
            Ok(_) => {
                let has_line_break = line.last() == Some(&b'\n');
                if has_line_break {
                    line.pop();
                }
                Next::Line(line, has_line_break)
            }
            Err(error) => Next::Broken(error),
        }
    }
}
