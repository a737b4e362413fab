//! The search index, pure: what is looked up by which term, and how that is
//! written in blocks.
//!
//! A *document* is a series, by its number. A *term* is a short byte string
//! that stands for something that is true of documents ([`term`]); its
//! *postings* are the documents that it is true of ([`postings`]). A *segment*
//! is all terms of some documents in byte order, cut into blocks ([`block`]),
//! so that one block answers one term. [`Builder`] makes a segment of
//! documents, [`Merger`] one segment of several, a block at a time.
//!
//! Words are found by pairs of characters, because there is nothing else in
//! which a Chinese word of two characters could be found. All pairs of a word
//! may be there and the word not: the index answers with too many documents
//! rather than too few, and whoever asks tries each.

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

/// Bytes that are no block, or no postings, of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a block of the search index")]
pub struct CorruptIndex;

/// Numbers of any size, seven bits a byte, the low ones first.
mod varint {
    use super::CorruptIndex;

    pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
        while number >= 0x80 {
            out.push(number as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
    }

    /// Takes a number off the front of `data`.
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

    /// Takes a length, and as many bytes, off the front of `data`.
    #[inline]
    pub(super) fn take_bytes<'a>(data: &mut &'a [u8]) -> Result<&'a [u8], CorruptIndex> {
        let length = usize::try_from(take(data)?).map_err(|_| CorruptIndex)?;
        let (bytes, rest) = data.split_at_checked(length).ok_or(CorruptIndex)?;
        *data = rest;
        Ok(bytes)
    }
}
