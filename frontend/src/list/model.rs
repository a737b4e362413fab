//! What becomes of a list when news of it arrive. Pure: tested on the host.

use std::rc::Rc;

use tocsin_api_types::Page;

/// A row that is the same if it is the very same, so that drawing need not
/// compare every label.
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

/// The rows that are shown, and newer ones that wait to be.
pub struct Shown<T> {
    /// The rows, in order.
    pub rows: Vec<Row<T>>,
    /// Where the next page begins.
    pub next: Option<String>,
    /// The way to the page before.
    pub prev: Option<String>,
    /// What waits, since showing it would move rows.
    pub waiting: Option<Waiting<T>>,
}

/// A newer state of the list.
pub struct Waiting<T> {
    page: Page<T>,
    /// Rows that arrived since; none where others only changed places.
    pub new: usize,
}

impl<T: Clone + PartialEq> Shown<T> {
    /// Shows a page. Rows that did not change stay the very same.
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

    /// Takes a newer state of the same page: at once where no row moves or
    /// rows may move; otherwise what is shown is renewed in place, and the rest
    /// waits.
    pub fn renew(&self, page: Page<T>, may_move: bool, id: impl Fn(&T) -> i64 + Copy) -> Self {
        let still = self.rows.len() == page.items.len()
            && self
                .rows
                .iter()
                .zip(&page.items)
                .all(|(row, item)| id(&row.0) == id(item));
        if may_move || still {
            return Self::show(page, &self.rows, id);
        }
        // Not by IDs, which replicas take in blocks: what is not shown, and came in
        // before a row that is. What follows the last of those comes from the next page.
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

    /// Shows what waited.
    pub fn catch_up(&self, id: impl Fn(&T) -> i64) -> Self {
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
    fn at_the_top_new_rows_are_shown_and_old_ones_stay_the_same() {
        let first = Shown::show(page(&[(2, "b"), (1, "a")]), &[], id);
        let second = first.renew(page(&[(3, "c"), (2, "b"), (1, "x")]), true, id);
        assert_eq!(items(&second), [(3, "c"), (2, "b"), (1, "x")]);
        assert!(second.waiting.is_none());
        assert!(second.rows[1] == first.rows[0]);
        assert!(second.rows[2] != first.rows[1]);
    }

    #[test]
    fn further_down_new_rows_wait_and_old_ones_change_in_place() {
        let first = Shown::show(page(&[(2, "b"), (1, "a")]), &[], id);
        let second = first.renew(page(&[(4, "d"), (3, "c"), (1, "x")]), false, id);
        assert_eq!(items(&second), [(2, "b"), (1, "x")]);
        assert_eq!(second.waiting.as_ref().map(|w| w.new), Some(2));
        assert_eq!(items(&second.catch_up(id)), [(4, "d"), (3, "c"), (1, "x")]);
    }

    #[test]
    fn changes_that_move_nothing_are_shown_at_once() {
        let first = Shown::show(page(&[(2, "b"), (1, "a")]), &[], id);
        let second = first.renew(page(&[(2, "y"), (1, "a")]), false, id);
        assert_eq!(items(&second), [(2, "y"), (1, "a")]);
        assert!(second.waiting.is_none());
    }

    #[test]
    fn rows_that_only_change_places_are_not_new() {
        let first = Shown::show(page(&[(2, "b"), (1, "a")]), &[], id);
        let second = first.renew(page(&[(1, "a"), (2, "b")]), false, id);
        assert_eq!(second.waiting.map(|w| w.new), Some(0));
    }
}
