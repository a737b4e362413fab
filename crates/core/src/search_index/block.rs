//! A range of a segment's terms with their postings.
//!
//! Each term is encoded as the number of bytes it shares with the previous one, the number of
//! remaining bytes, those bytes, the length of its postings, and the postings
//! ([`super::postings`]). Integers are written seven bits a byte.

use super::{CorruptIndex, varint};

/// Size in bytes at which a block is full: its row then fits into one page of SQLite (4,096 bytes).
/// Only a term with long postings makes a block longer.
const FULL: usize = 3_900;

/// A block holds the terms of its segment from `first_term` up to the next block's. A term is in
/// the block with the greatest `first_term` that is not after it, or in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// At most [`super::term::MAX`] bytes.
    pub first_term: Vec<u8>,
    /// About 4 KiB, or as long as one term's postings.
    pub data: Vec<u8>,
}

/// Splits sorted terms into blocks.
#[derive(Debug, Default)]
pub(super) struct Writer {
    first_term: Vec<u8>,
    last_term: Vec<u8>,
    data: Vec<u8>,
}

impl Writer {
    /// Adds a term, which must be after the previous one. Returns the block that is full now, if
    /// any.
    pub(super) fn push(&mut self, term: &[u8], postings: &[u8]) -> Option<Block> {
        let is_full =
            !self.data.is_empty() && self.data.len() + term.len() + postings.len() + 6 > FULL;
        let full = if is_full { self.finish() } else { None };
        if self.data.is_empty() {
            self.first_term.extend_from_slice(term);
        }
        let pairs = self.last_term.iter().zip(term);
        let shared = pairs.take_while(|(one, other)| one == other).count();
        varint::put(&mut self.data, shared as u64);
        varint::put(&mut self.data, (term.len() - shared) as u64);
        self.data.extend_from_slice(&term[shared..]);
        varint::put(&mut self.data, postings.len() as u64);
        self.data.extend_from_slice(postings);
        self.last_term.truncate(shared);
        self.last_term.extend_from_slice(&term[shared..]);
        full
    }

    /// Returns the last block.
    pub(super) fn finish(&mut self) -> Option<Block> {
        if self.data.is_empty() {
            return None;
        }
        self.last_term.clear();
        Some(Block {
            first_term: std::mem::take(&mut self.first_term),
            data: std::mem::take(&mut self.data),
        })
    }
}

/// A term and its postings.
pub type Entry<'term, 'block> = (&'term [u8], &'block [u8]);

/// Iterates over the terms of a block.
#[derive(Debug)]
pub struct Reader<'a> {
    data: &'a [u8],
    term: Vec<u8>,
}

impl<'a> Reader<'a> {
    /// Reads the data of a block.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        let term = Vec::new();
        Self { data, term }
    }

    /// The next term and its postings; `None` at the end.
    ///
    /// # Errors
    /// [`CorruptIndex`]; do not continue after it.
    #[expect(clippy::should_implement_trait, reason = "it lends the term")]
    pub fn next(&mut self) -> Result<Option<Entry<'_, 'a>>, CorruptIndex> {
        if self.data.is_empty() {
            return Ok(None);
        }
        let postings = take(&mut self.data, &mut self.term)?;
        Ok(Some((&self.term, postings)))
    }
}

/// Reads a term's postings from the front of `data`, and updates `term` from the previous term to
/// this one.
pub(super) fn take<'a>(data: &mut &'a [u8], term: &mut Vec<u8>) -> Result<&'a [u8], CorruptIndex> {
    let shared = usize::try_from(varint::take(data)?).map_err(|_| CorruptIndex)?;
    if shared > term.len() {
        return Err(CorruptIndex);
    }
    term.truncate(shared);
    term.extend_from_slice(varint::take_bytes(data)?);
    varint::take_bytes(data)
}

/// Returns the postings of `term`, if the block has it.
///
/// # Errors
/// [`CorruptIndex`] if the data is not a block.
pub fn find<'a>(mut data: &'a [u8], term: &[u8]) -> Result<Option<&'a [u8]>, CorruptIndex> {
    // Number of bytes that the previous term, which is before `term`, has in common with it.
    let mut common = 0;
    while !data.is_empty() {
        let shared = usize::try_from(varint::take(&mut data)?).map_err(|_| CorruptIndex)?;
        let rest = varint::take_bytes(&mut data)?;
        let postings = varint::take_bytes(&mut data)?;
        if shared > common {
            // Differs from it at the same byte as the previous one.
            continue;
        }
        if shared < common {
            return Ok(None);
        }
        let wanted = &term[common..];
        let equal = rest
            .iter()
            .zip(wanted)
            .take_while(|(one, other)| one == other)
            .count();
        if equal == rest.len() && equal == wanted.len() {
            return Ok(Some(postings));
        }
        if rest[equal..] > wanted[equal..] {
            return Ok(None);
        }
        common += equal;
    }
    Ok(None)
}
