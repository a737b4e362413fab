//! Size limit of a page in bytes. A page is limited by bytes as well as by rows, because
//! one alert can be as large as a thousand others.

use super::RowRef;

/// Size limit of a page, and of a chunk of an export. The first row always fits.
pub(crate) const PAGE_BYTES: usize = 4 << 20;

/// Rows read at first, before their size is known.
const FIRST: usize = 64;

/// The rows of a page, read in steps until the size limit is reached.
pub(crate) struct PageBytes<'a> {
    hits: &'a [RowRef],
    /// Rows returned by `next` so far.
    returned: usize,
    step: usize,
    bytes: usize,
}

impl<'a> PageBytes<'a> {
    pub(crate) fn for_page(hits: &'a [RowRef]) -> Self {
        Self {
            hits,
            returned: 0,
            step: FIRST,
            bytes: 0,
        }
    }

    /// Returns the next rows to read; each step is larger than the one before.
    pub(crate) fn next(&mut self) -> Option<&'a [RowRef]> {
        let rest = &self.hits[self.returned..];
        let now = &rest[..rest.len().min(self.step)];
        self.returned += now.len();
        self.step *= 4;
        (!now.is_empty()).then_some(now)
    }

    /// Adds a row to the page if it fits.
    ///
    /// # Errors
    /// If the row does not fit: the number of rows before it, which make up the page.
    pub(crate) fn take(&mut self, id: i64, bytes: usize) -> Result<(), usize> {
        let is_first = self.bytes == 0;
        self.bytes += bytes.max(1);
        if is_first || self.bytes <= PAGE_BYTES {
            return Ok(());
        }
        let before = self.hits.iter().position(|hit| hit.id == id);
        Err(before.unwrap_or(self.returned))
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
        let mut page = PageBytes::for_page(&hits);
        while let Some(rows) = page.next() {
            for hit in rows {
                if let Err(count) = page.take(hit.id, bytes) {
                    return count;
                }
            }
        }
        hits.len()
    }

    #[test]
    fn page_is_limited_by_bytes_but_has_at_least_one_row() {
        assert_eq!(taken(0, 1), 0);
        assert_eq!(taken(500, 0), 500);
        assert_eq!(taken(500, 1_000), 500);
        assert_eq!(taken(500, PAGE_BYTES / 10), 10);
        assert_eq!(taken(500, PAGE_BYTES / 200), 200);
        assert_eq!(taken(500, PAGE_BYTES * 2), 1);
    }
}
