//! The search index: its terms and their encoding in blocks. No I/O.
//!
//! A *document* is an alert, by its ID. A *term* is a short byte string that stands for a property
//! of documents ([`term`]); its *postings* are the documents with that property ([`postings`]). A
//! *segment* is all terms of some documents in byte order, split into blocks ([`block`]), so that
//! one block answers one term. [`Builder`] builds a segment from documents, [`Merger`] merges
//! several segments, a block at a time.
//!
//! Words are found by pairs of characters, because a Chinese word may have only two. A document may
//! have all pairs of a word without the word: the index returns too many documents rather than too
//! few, and the caller checks each.

pub mod block;
mod builder;
mod merge;
pub mod postings;
pub mod term;
#[cfg(test)]
mod tests;

pub use block::Block;
pub use builder::Builder;
pub use merge::{Merger, Step};
pub use term::Field;

/// The bytes are not a valid block or valid postings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the search index is corrupt")]
pub struct CorruptIndex;

/// Variable-length integers, seven bits a byte, the low ones first.
mod varint {
    use super::CorruptIndex;

    pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
        while number >= 0x80 {
            out.push(number as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
    }

    /// Reads an integer from the front of `data`.
    #[inline]
    pub(super) fn take(data: &mut &[u8]) -> Result<u64, CorruptIndex> {
        let mut number = 0;
        for place in 0..10 {
            let (&byte, rest) = data.split_first().ok_or(CorruptIndex)?;
            *data = rest;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(CorruptIndex)
    }

    /// Reads a length, and as many bytes, from the front of `data`.
    #[inline]
    pub(super) fn take_bytes<'a>(data: &mut &'a [u8]) -> Result<&'a [u8], CorruptIndex> {
        let length = usize::try_from(take(data)?).map_err(|_| CorruptIndex)?;
        let (bytes, rest) = data.split_at_checked(length).ok_or(CorruptIndex)?;
        *data = rest;
        Ok(bytes)
    }
}
