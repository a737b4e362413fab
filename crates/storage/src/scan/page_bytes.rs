//! How much of what was found is read: a page ends by bytes as well as by rows, for one
//! alert may have as much text as a thousand others.

use super::RowRef;

/// Bytes of texts that a page has, and a chunk of an export. A row more is always taken.
pub(crate) const PAGE_BYTES: usize = 4 << 20;

/// Rows that are read at first, before it is known how large they are.
const FIRST: usize = 64;

/// The rows of a page, read piece by piece until they are too much.
pub(crate) struct PageBytes<'a> {
    hits: &'a [RowRef],
    /// Rows that were handed out to be read.
    begun: usize,
    step: usize,
    bytes: usize,
}

impl<'a> PageBytes<'a> {
    pub(crate) fn for_page(hits: &'a [RowRef]) -> Self {
        Self {
            hits,
            begun: 0,
            step: FIRST,
            bytes: 0,
        }
    }

    /// The next rows to be read; more at a time, as they turn out to be small.
    pub(crate) fn next(&mut self) -> Option<&'a [RowRef]> {
        let rest = &self.hits[self.begun..];
        let now = &rest[..rest.len().min(self.step)];
        self.begun += now.len();
        self.step *= 4;
        (!now.is_empty()).then_some(now)
    }

    /// Takes one of the rows that were read, or says how many rows the page has without
    /// it and all that follow.
    ///
    /// # Errors
    /// The number of rows that the page has.
    pub(crate) fn take(&mut self, id: i64, bytes: usize) -> Result<(), usize> {
        let is_first = self.bytes == 0;
        self.bytes += bytes.max(1);
        if is_first || self.bytes <= PAGE_BYTES {
            return Ok(());
        }
        let before = self.hits.iter().position(|hit| hit.id == id);
        Err(before.unwrap_or(self.begun))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Key;

    fn hits(count: i64) -> Vec<RowRef> {
        let hit = |id| RowRef {
            key: Key { value: id, tie: id },
            id,
            alert_id: id,
            content_id: None,
        };
        (0..count).map(hit).collect()
    }

    fn taken(count: i64, bytes: usize) -> usize {
        let hits = hits(count);
        let mut room = PageBytes::for_page(&hits);
        while let Some(some) = room.next() {
            for hit in some {
                if let Err(rows) = room.take(hit.id, bytes) {
                    return rows;
                }
            }
        }
        hits.len()
    }

    #[test]
    fn a_page_ends_by_bytes_and_has_a_row_at_least() {
        assert_eq!(taken(0, 1), 0);
        assert_eq!(taken(500, 0), 500);
        assert_eq!(taken(500, 1_000), 500);
        assert_eq!(taken(500, PAGE_BYTES / 10), 10);
        assert_eq!(taken(500, PAGE_BYTES / 200), 200);
        assert_eq!(taken(500, PAGE_BYTES * 2), 1);
    }
}
