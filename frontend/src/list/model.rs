//! How a list changes when newer rows arrive. Pure, so that it is tested on the host.

use std::rc::Rc;

use tocsin_api_types::Page;

/// A row compared by pointer, so that rendering does not compare all labels.
pub struct Row<T>(pub Rc<T>);

impl<T> Clone for Row<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> PartialEq for Row<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// The displayed rows, and newer ones held back.
pub struct Shown<T> {
    pub rows: Vec<Row<T>>,
    /// Cursor of the next page.
    pub next: Option<String>,
    /// Cursor of the previous page.
    pub prev: Option<String>,
    /// A newer page held back because showing it would move rows.
    pub waiting: Option<Waiting<T>>,
}

/// A newer version of the page.
pub struct Waiting<T> {
    page: Page<T>,
    /// Number of new rows; 0 if rows only changed their order.
    pub new: usize,
}

impl<T: Clone + PartialEq> Shown<T> {
    /// Shows a page. Unchanged rows keep their pointer.
    pub fn show(page: Page<T>, before: &[Row<T>], id: impl Fn(&T) -> i64) -> Self {
        let rows = page.items.into_iter().map(|item| {
            let same = before.iter().find(|row| id(&row.0) == id(&item));
            match same {
                Some(row) if *row.0 == item => row.clone(),
                _ => Row(Rc::new(item)),
            }
        });
        Self {
            rows: rows.collect(),
            next: page.next_cursor,
            prev: page.prev_cursor,
            waiting: None,
        }
    }

    /// Applies a newer version of the same page: at once if no row moves or rows may
    /// move; otherwise rows are updated in place and the rest waits.
    pub fn refresh(&self, page: Page<T>, may_move: bool, id: impl Fn(&T) -> i64 + Copy) -> Self {
        let still = self.rows.len() == page.items.len()
            && self
                .rows
                .iter()
                .zip(&page.items)
                .all(|(row, item)| id(&row.0) == id(item));
        if may_move || still {
            return Self::show(page, &self.rows, id);
        }
        // Not by ID, because replicas allocate IDs in blocks. New rows are those before
        // the last row that is already displayed; rows after it come from the next
        // page.
        let is_shown = |item: &T| self.rows.iter().any(|row| id(&row.0) == id(item));
        let last_shown = page.items.iter().rposition(&is_shown);
        let arrived = &page.items[..last_shown.unwrap_or(page.items.len())];
        let new = arrived.iter().filter(|item| !is_shown(item)).count();
        let rows = self.rows.iter().map(|row| {
            match page.items.iter().find(|item| id(item) == id(&row.0)) {
                Some(item) if *item != *row.0 => Row(Rc::new(item.clone())),
                _ => row.clone(),
            }
        });
        Self {
            rows: rows.collect(),
            next: self.next.clone(),
            prev: self.prev.clone(),
            waiting: Some(Waiting { page, new }),
        }
    }

    /// Shows the waiting page.
    pub fn show_waiting(&self, id: impl Fn(&T) -> i64) -> Self {
        match &self.waiting {
            Some(waiting) => Self::show(waiting.page.clone(), &self.rows, id),
            None => Self {
                rows: self.rows.clone(),
                next: self.next.clone(),
                prev: self.prev.clone(),
                waiting: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Item = (i64, &'static str);

    fn page(items: &[Item]) -> Page<Item> {
        Page {
            items: items.to_vec(),
            next_cursor: Some(format!("after {}", items.len())),
            prev_cursor: None,
            count: None,
        }
    }

    fn id(item: &Item) -> i64 {
        item.0
    }

    fn items(shown: &Shown<Item>) -> Vec<Item> {
        shown.rows.iter().map(|row| *row.0).collect()
    }

    #[test]
    fn at_the_top_new_rows_are_shown_and_unchanged_rows_keep_their_pointer() {
        let first = Shown::show(page(&[(2, "b"), (1, "a")]), &[], id);
        let second = first.refresh(page(&[(3, "c"), (2, "b"), (1, "x")]), true, id);
        assert_eq!(items(&second), [(3, "c"), (2, "b"), (1, "x")]);
        assert!(second.waiting.is_none());
        assert!(second.rows[1] == first.rows[0]);
        assert!(second.rows[2] != first.rows[1]);
    }

    #[test]
    fn further_down_new_rows_wait_and_shown_rows_update_in_place() {
        let first = Shown::show(page(&[(2, "b"), (1, "a")]), &[], id);
        let second = first.refresh(page(&[(4, "d"), (3, "c"), (1, "x")]), false, id);
        assert_eq!(items(&second), [(2, "b"), (1, "x")]);
        assert_eq!(second.waiting.as_ref().map(|w| w.new), Some(2));
        assert_eq!(
            items(&second.show_waiting(id)),
            [(4, "d"), (3, "c"), (1, "x")]
        );
    }

    #[test]
    fn changes_that_move_nothing_are_shown_at_once() {
        let first = Shown::show(page(&[(2, "b"), (1, "a")]), &[], id);
        let second = first.refresh(page(&[(2, "y"), (1, "a")]), false, id);
        assert_eq!(items(&second), [(2, "y"), (1, "a")]);
        assert!(second.waiting.is_none());
    }

    #[test]
    fn reordered_rows_are_not_new() {
        let first = Shown::show(page(&[(2, "b"), (1, "a")]), &[], id);
        let second = first.refresh(page(&[(1, "a"), (2, "b")]), false, id);
        assert_eq!(second.waiting.map(|w| w.new), Some(0));
    }
}
