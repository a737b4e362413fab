//! Pages of lists that grow while they are read.
//!
//! A page continues after the last row of the one before (keyset), so that
//! rows which arrive meanwhile neither shift it nor make it slower.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::Value;
use serde::{Deserialize, Serialize};
use tocsin_core::time::Timestamp;

use crate::query::Conditions;
use crate::scan::{Direction, End, Key};

/// The most rows that a page may have.
pub const MAX_LIMIT: u32 = 500;

/// The direction of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The smallest, the oldest first.
    Asc,
    /// The greatest, the newest first.
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

/// What a list is sorted by. Each list has a type of its own, so that a page of
/// one cannot be asked of another.
pub trait SortKey: Copy + Send + Sync {
    /// A name of the list and the key that no other list has. It goes into
    /// cursors and so must not change its meaning.
    fn name(self) -> &'static str;
}

/// Rows of a list, and how to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows, in the order asked for.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` ends the list. A page may be short
    /// or empty and have one: then it has examined as many rows as it may.
    pub next: Option<String>,
    /// The cursor of the page before, in the same order; `None` at the
    /// beginning.
    pub prev: Option<String>,
}

/// Which page of a list is wanted.
#[derive(Clone, Debug)]
pub struct PageRequest<K> {
    key: K,
    order: Order,
    limit: u32,
    after: Option<Place>,
    /// The page before `after` is wanted, not the one behind it.
    backwards: bool,
}

/// The cursor is not one of this list in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCursor {
    /// It is no cursor at all.
    #[error("not a cursor of this API; leave it out to start from the beginning")]
    Unreadable,
    /// It belongs to another list or order.
    #[error(
        "a cursor of another list, sort or order; leave it out to start from the beginning, \
         or keep sort and order as they were"
    )]
    OfAnotherList,
}

/// Where a page ended. `as_of` freezes what depends on the time of reading for
/// all pages of one walk.
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
    /// Checks the cursor against list, sort and order. `limit` is brought into
    /// 1 to [`MAX_LIMIT`].
    ///
    /// # Errors
    /// [`InvalidCursor`], which belongs to the parameter `cursor`.
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

    /// The first page.
    pub fn first(key: K, order: Order, limit: u32) -> Self {
        Self {
            key,
            order,
            limit: limit.clamp(1, MAX_LIMIT),
            after: None,
            backwards: false,
        }
    }

    /// What the list is sorted by.
    pub fn key(&self) -> K {
        self.key
    }

    /// The time that the first page of this walk was read at; `now` for the
    /// first page.
    pub(crate) fn as_of(&self, now: Timestamp) -> Timestamp {
        let frozen = self.after.and_then(|place| place.as_of);
        frozen.map_or(now, Timestamp::from_micros)
    }

    /// Only rows after the page before. `value` is an SQL expression whose
    /// placeholders are `values`.
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

    /// ` ORDER BY … LIMIT …`, in the order of reading, which is not that of the
    /// page where a page before is wanted. One row more than wanted is read: it
    /// tells whether there are further ones.
    pub(crate) fn order_and_limit(&self, value: &str, id: &str) -> String {
        let way = self.direction().sql();
        format!(
            " ORDER BY {value} {way}, {id} {way} LIMIT {}",
            self.limit + 1
        )
    }

    /// The way in which keys are read.
    pub(crate) fn direction(&self) -> Direction {
        match self.backwards {
            true => self.order.direction().reversed(),
            false => self.order.direction(),
        }
    }

    /// Where reading begins, excluded; none for the list's beginning.
    pub(crate) fn after(&self) -> Option<Key> {
        self.after.map(|place| Key {
            value: place.value,
            tie: place.id,
        })
    }

    /// Rows of the page at most.
    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// The page of the rows that [`PageRequest::order_and_limit`] read; `place`
    /// tells where a row stands.
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

    /// The page of rows found in the order of reading, at `keys`.
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
        // Back to where this page began: before its first row, or, where it has
        // none, from where it was asked for, with the row there.
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
    /// The same page of converted rows.
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
    // Numbers and a plain word always make JSON.
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
    fn a_cursor_serves_only_the_list_and_order_that_it_was_made_for() {
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
    fn limits_are_brought_into_bounds() {
        for (given, used) in [(0, 1), (1, 1), (500, 500), (501, 500), (u32::MAX, 500)] {
            assert_eq!(PageRequest::first(Name("a"), Order::Asc, given).limit, used);
        }
    }
}
