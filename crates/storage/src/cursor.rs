//! Keyset pagination of lists that grow while they are read.
//!
//! A page continues after the last row of the previous page, so rows received in
//! between neither shift it nor slow it down.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::Value;
use serde::{Deserialize, Serialize};
use tocsin_core::time::Timestamp;

use crate::query::Conditions;
use crate::scan::{Direction, End, Key};

/// The largest page size.
pub const MAX_LIMIT: u32 = 500;

/// Sort order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Smallest or oldest first.
    Asc,
    /// Largest or newest first.
    #[default]
    Desc,
}

impl Order {
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Asc => "ASC",
            Self::Desc => "DESC",
        }
    }

    pub(crate) fn direction(self) -> Direction {
        match self {
            Self::Asc => Direction::Up,
            Self::Desc => Direction::Down,
        }
    }
}

/// Sort key of a list. Each list has its own type, so a page request for one list
/// cannot be used with another.
pub trait SortKey: Copy + Send + Sync {
    /// A unique name for the list and the key. It is part of cursors, so its meaning must
    /// not change.
    fn name(self) -> &'static str;
}

/// One page of a list, with cursors.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows in the requested order.
    pub items: Vec<T>,
    /// Cursor of the next page; `None` at the end of the list. A page can be short or
    /// empty and still have a next page: the scan budget was used up.
    pub next: Option<String>,
    /// Cursor of the previous page, in the same order; `None` at the beginning.
    pub prev: Option<String>,
}

/// A request for one page of a list.
#[derive(Clone, Debug)]
pub struct PageRequest<K> {
    key: K,
    order: Order,
    limit: u32,
    after: Option<Place>,
    /// Requests the page before `after` instead of the one after it.
    backwards: bool,
}

/// The cursor does not belong to this list in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCursor {
    /// Not a cursor.
    #[error("not a cursor of this API; leave it out to start from the beginning")]
    Unreadable,
    /// A cursor of another list or order.
    #[error(
        "a cursor of another list, sort or order; leave it out to start from the beginning, \
         or keep sort and order as they were"
    )]
    OfAnotherList,
}

/// Position where a page ended. `as_of` freezes time-dependent values for all pages of
/// one walk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) value: i64,
    pub(crate) id: i64,
    pub(crate) as_of: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "k")]
    key: String,
    #[serde(rename = "v")]
    value: i64,
    #[serde(rename = "i")]
    id: i64,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    as_of: Option<i64>,
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    backwards: bool,
}

impl<K: SortKey> PageRequest<K> {
    /// Checks the cursor against list, sort and order. `limit` is clamped to 1 to
    /// [`MAX_LIMIT`].
    ///
    /// # Errors
    /// [`InvalidCursor`], to be reported for the parameter `cursor`.
    pub fn new(
        key: K,
        order: Order,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Self, InvalidCursor> {
        let read = cursor.map(|text| read(text, key, order)).transpose()?;
        let (after, backwards) = match read {
            Some((place, backwards)) => (Some(place), backwards),
            None => (None, false),
        };
        Ok(Self {
            key,
            order,
            limit: limit.clamp(1, MAX_LIMIT),
            after,
            backwards,
        })
    }

    /// Requests the first page.
    pub fn first(key: K, order: Order, limit: u32) -> Self {
        Self {
            key,
            order,
            limit: limit.clamp(1, MAX_LIMIT),
            after: None,
            backwards: false,
        }
    }

    /// The sort key.
    pub fn key(&self) -> K {
        self.key
    }

    /// When the first page of this walk was read; `now` for the first page.
    pub(crate) fn as_of(&self, now: Timestamp) -> Timestamp {
        let frozen = self.after.and_then(|place| place.as_of);
        frozen.map_or(now, Timestamp::from_micros)
    }

    /// Restricts `conditions` to rows after the previous page. `value` is an SQL
    /// expression whose placeholders are `values`.
    pub(crate) fn continue_after(
        &self,
        conditions: &mut Conditions,
        value: &str,
        values: Vec<Value>,
        id: &str,
    ) {
        if let Some(place) = self.after {
            let values = values
                .into_iter()
                .chain([place.value.into(), place.id.into()]);
            conditions.and(
                &format!("({value}, {id}) {} (?, ?)", self.direction().comparison()),
                values,
            );
        }
    }

    /// ` ORDER BY … LIMIT …` in reading order, which is reversed for a previous page. The
    /// limit is one row more than the page, to see whether more rows exist.
    pub(crate) fn order_and_limit(&self, value: &str, id: &str) -> String {
        let direction = self.direction().sql();
        format!(
            " ORDER BY {value} {direction}, {id} {direction} LIMIT {}",
            self.limit + 1
        )
    }

    /// The direction in which keys are read.
    pub(crate) fn direction(&self) -> Direction {
        match self.backwards {
            true => self.order.direction().reversed(),
            false => self.order.direction(),
        }
    }

    /// The key to start reading after; `None` for the beginning of the list.
    pub(crate) fn after(&self) -> Option<Key> {
        self.after.map(|place| Key {
            value: place.value,
            tie: place.id,
        })
    }

    /// The page size.
    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Builds the page from rows read with [`PageRequest::order_and_limit`]; `place`
    /// returns the position of a row.
    pub(crate) fn page<T>(&self, mut items: Vec<T>, place: impl Fn(&T) -> Place) -> Page<T> {
        let more = items.len() > self.limit();
        items.truncate(self.limit());
        let keys: Vec<Key> = items
            .iter()
            .map(|item| {
                let Place { value, id, .. } = place(item);
                Key { value, tie: id }
            })
            .collect();
        let end = match keys.last() {
            Some(last) if more => End::At(*last),
            _ => End::Exhausted,
        };
        self.found(items, &keys, end, None)
    }

    /// Builds the page from rows found in reading order, at `keys`.
    pub(crate) fn found<T>(
        &self,
        mut items: Vec<T>,
        keys: &[Key],
        end: End,
        as_of: Option<Timestamp>,
    ) -> Page<T> {
        let cursor = |key: Key, backwards: bool| {
            let place = Place {
                value: key.value,
                id: key.tie,
                as_of: as_of.map(Timestamp::as_micros),
            };
            write(self.key, self.order, place, backwards)
        };
        let on = match end {
            End::At(key) => Some(cursor(key, self.backwards)),
            End::Exhausted => None,
        };
        // Backwards from the start of this page: before its first row, or, if the page is
        // empty, from the requested position, including the row there.
        let back = self.after().map(|after| {
            let from = keys.first().copied().unwrap_or(Key {
                tie: match self.direction() {
                    Direction::Up => after.tie.saturating_add(1),
                    Direction::Down => after.tie.saturating_sub(1),
                },
                ..after
            });
            cursor(from, !self.backwards)
        });
        let (next, prev) = match self.backwards {
            true => {
                items.reverse();
                (back, on)
            }
            false => (on, back),
        };
        Page { items, next, prev }
    }
}

impl<T> Page<T> {
    /// Converts the rows of the page.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(convert).collect(),
            next: self.next,
            prev: self.prev,
        }
    }
}

fn stamp(key: impl SortKey, order: Order) -> String {
    format!("{}.{}", key.name(), order.sql().to_ascii_lowercase())
}

fn write(key: impl SortKey, order: Order, place: Place, backwards: bool) -> String {
    let Place { value, id, as_of } = place;
    let written = Written {
        key: stamp(key, order),
        value,
        id,
        as_of,
        backwards,
    };
    // Integers and a plain string always serialize.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&written).unwrap_or_default())
}

fn read(text: &str, key: impl SortKey, order: Order) -> Result<(Place, bool), InvalidCursor> {
    let json = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| InvalidCursor::Unreadable)?;
    let written: Written = serde_json::from_slice(&json).map_err(|_| InvalidCursor::Unreadable)?;
    if written.key != stamp(key, order) {
        return Err(InvalidCursor::OfAnotherList);
    }
    let place = Place {
        value: written.value,
        id: written.id,
        as_of: written.as_of,
    };
    Ok((place, written.backwards))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Name(&'static str);

    impl SortKey for Name {
        fn name(self) -> &'static str {
            self.0
        }
    }

    #[test]
    fn cursor_is_valid_only_for_its_list_and_order() {
        let place = Place {
            value: 5,
            id: 7,
            as_of: Some(9),
        };
        let cursor = write(Name("a.b"), Order::Desc, place, false);
        let again = PageRequest::new(Name("a.b"), Order::Desc, 10, Some(&cursor));
        assert!(again.is_ok_and(|page| page.as_of(Timestamp::from_micros(1)).as_micros() == 9));
        for (key, order) in [("a.c", Order::Desc), ("a.b", Order::Asc)] {
            let other = PageRequest::new(Name(key), order, 10, Some(&cursor));
            assert_eq!(other.err(), Some(InvalidCursor::OfAnotherList));
        }
        for text in ["", "!", "e30", "bnVsbA"] {
            let unreadable = PageRequest::new(Name("a.b"), Order::Asc, 10, Some(text));
            assert_eq!(unreadable.err(), Some(InvalidCursor::Unreadable));
        }
    }

    #[test]
    fn limits_are_clamped() {
        for (given, used) in [(0, 1), (1, 1), (500, 500), (501, 500), (u32::MAX, 500)] {
            assert_eq!(PageRequest::first(Name("a"), Order::Asc, given).limit, used);
        }
    }
}
