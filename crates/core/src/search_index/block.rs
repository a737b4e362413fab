//! Some neighbouring terms of a segment with their postings.
//!
//! Of each term: how many bytes it shares with the one before, how many follow,
//! those; how long its postings are, those ([`super::postings`]). Numbers are
//! written seven bits a byte.

use super::{CorruptIndex, varint};

/// Where a block is full: its row then fits into one page of SQLite (4,096
/// bytes). It is longer only where a single term's postings are.
const FULL: usize = 3_900;

/// A block. It holds its segment's terms from `first_term` up to the next
/// block's, so a term is in the block with the greatest `first_term` that is
/// not after it, or in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// At most [`super::term::MAX`] bytes.
    pub first_term: Vec<u8>,
    /// About 4 KiB, or as long as one term's postings are.
    pub data: Vec<u8>,
}

/// Cuts sorted terms into blocks.
#[derive(Debug, Default)]
pub(super) struct Writer {
    first_term: Vec<u8>,
    last_term: Vec<u8>,
    data: Vec<u8>,
}

impl Writer {
    /// Adds a term, which is after the one before. Returns the block that is
    /// full with that.
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

    /// The block that is begun.
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

/// The terms of a block, one after the other.
#[derive(Debug)]
pub struct Reader<'a> {
    data: &'a [u8],
    term: Vec<u8>,
}

impl<'a> Reader<'a> {
    /// Of a block's data.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        let term = Vec::new();
        Self { data, term }
    }

    /// The next term and its postings.
    ///
    /// # Errors
    /// [`Corrupt`], after which there is no sense in going on.
    #[expect(clippy::should_implement_trait, reason = "it lends the term")]
    pub fn next(&mut self) -> Result<Option<Entry<'_, 'a>>, CorruptIndex> {
        if self.data.is_empty() {
            return Ok(None);
        }
        let postings = take(&mut self.data, &mut self.term)?;
        Ok(Some((&self.term, postings)))
    }
}

/// Takes a term's postings off the front of `data`, and makes `term`, which is
/// the one before, the term.
pub(super) fn take<'a>(data: &mut &'a [u8], term: &mut Vec<u8>) -> Result<&'a [u8], CorruptIndex> {
    let shared = usize::try_from(varint::take(data)?).map_err(|_| CorruptIndex)?;
    if shared > term.len() {
        return Err(CorruptIndex);
    }
    term.truncate(shared);
    term.extend_from_slice(varint::take_bytes(data)?);
    varint::take_bytes(data)
}

/// The postings of `term`, if the block has it.
///
/// # Errors
/// [`Corrupt`].
pub fn find<'a>(mut data: &'a [u8], term: &[u8]) -> Result<Option<&'a [u8]>, CorruptIndex> {
    // How many bytes the term before has in common with the one looked for,
    // which it is before.
    let mut common = 0;
    while !data.is_empty() {
        let shared = usize::try_from(varint::take(&mut data)?).map_err(|_| CorruptIndex)?;
        let rest = varint::take_bytes(&mut data)?;
        let postings = varint::take_bytes(&mut data)?;
        if shared > common {
            // Differs from it where the one before does.
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
