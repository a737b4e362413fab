//! The documents of a term: ascending IDs, encoded as runs.
//!
//! A run is encoded as the distance from the end of the previous run, doubled, plus one if the run
//! is longer than a single ID; then its length minus two. A term of all documents of a segment
//! takes a few bytes, a term of a third of them one byte for each document.

use super::{CorruptIndex, varint};

/// Writes runs, which must be sorted and must not overlap; adjacent ones are joined.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// End of the last written run.
    end: u64,
    /// The last run, not yet written.
    run: Option<(u64, u64)>,
}

impl Writer {
    #[inline]
    pub(super) fn push(&mut self, out: &mut Vec<u8>, from: u64, to: u64) {
        match &mut self.run {
            Some((_, end)) if *end >= from => *end = to.max(*end),
            _ => {
                self.flush(out);
                self.run = Some((from, to));
            }
        }
    }

    pub(super) fn flush(&mut self, out: &mut Vec<u8>) {
        let Some((from, to)) = self.run.take() else {
            return;
        };
        let gap = (from - self.end) << 1;
        if to - from == 1 {
            varint::put(out, gap);
        } else {
            varint::put(out, gap | 1);
            varint::put(out, to - from - 2);
        }
        self.end = to;
    }
}

/// The runs of some postings, `[from, to)` each, ascending. Ends after the first error.
#[must_use]
pub fn runs(postings: &[u8]) -> Runs<'_> {
    Runs {
        data: postings,
        end: 0,
    }
}

/// See [`runs`].
#[derive(Debug)]
pub struct Runs<'a> {
    data: &'a [u8],
    end: u64,
}

impl Runs<'_> {
    #[inline]
    fn read(&mut self) -> Result<(u64, u64), CorruptIndex> {
        let head = varint::take(&mut self.data)?;
        let more = match head & 1 {
            0 => 0,
            _ => varint::take(&mut self.data)?
                .checked_add(1)
                .ok_or(CorruptIndex)?,
        };
        let from = self.end.checked_add(head >> 1).ok_or(CorruptIndex)?;
        self.end = from
            .checked_add(more)
            .and_then(|last| last.checked_add(1))
            .ok_or(CorruptIndex)?;
        Ok((from, self.end))
    }
}

impl Iterator for Runs<'_> {
    type Item = Result<(u64, u64), CorruptIndex>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.data.is_empty() {
            return None;
        }
        let run = self.read();
        if run.is_err() {
            self.data = &[];
        }
        Some(run)
    }
}

/// Writes the union of several postings, reduced to `live`: sorted runs that are not adjacent.
pub(super) fn merge(
    all: &[&[u8]],
    live: Option<&[(u64, u64)]>,
    out: &mut Vec<u8>,
) -> Result<(), CorruptIndex> {
    let mut found = Vec::new();
    for postings in all {
        for run in runs(postings) {
            found.push(run?);
        }
    }
    if all.len() > 1 {
        found.sort_unstable();
    }
    let mut writer = Writer::default();
    let Some(mut live) = live else {
        for (from, to) in found {
            writer.push(out, from, to);
        }
        writer.flush(out);
        return Ok(());
    };
    for (from, to) in found {
        live = &live[ended(live, from)..];
        for (begin, end) in live.iter().take_while(|(begin, _)| *begin < to) {
            // Runs of several postings may overlap; the writer joins them.
            writer.push(out, from.max(*begin), to.min(*end));
        }
    }
    writer.flush(out);
    Ok(())
}

/// Number of runs that end at `number` or before.
fn ended(runs: &[(u64, u64)], number: u64) -> usize {
    /// Calls ascend, so the result is usually near the start.
    const NEAR: usize = 8;
    let is_over = |(_, end): &(u64, u64)| *end <= number;
    match runs.iter().take(NEAR).position(|run| !is_over(run)) {
        Some(near) => near,
        None => runs.partition_point(is_over),
    }
}
