//! Lists of values with their counts: sorted by the values' bytes, without duplicates, each
//! prefix-compressed against the previous one.

use std::collections::HashMap;

use super::{CorruptDelta, Counts, bytes};

pub(super) const VERSION: u8 = 1;

/// Counts by value; unsorted until encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    values: HashMap<Box<[u8]>, Counts, foldhash::fast::RandomState>,
}

impl List {
    /// Adds counts; zero counts add no value.
    pub fn add(&mut self, value: &[u8], counts: &Counts) {
        if counts.is_empty() {
            return;
        }
        match self.values.get_mut(value) {
            Some(existing) => existing.add(counts),
            None => {
                self.values.insert(value.into(), *counts);
            }
        }
    }

    /// Adds the output of [`List::encode`].
    ///
    /// # Errors
    /// [`CorruptDelta`] for any other input; part of it may have been added.
    pub fn add_encoded(&mut self, data: &[u8]) -> Result<(), CorruptDelta> {
        read(data, |value, counts| {
            self.add(value, counts);
            Ok(())
        })
    }

    /// Whether it has no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values with their counts, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Counts)> {
        self.values.iter().map(|(value, counts)| (&**value, counts))
    }

    /// Encodes the list: a version, the number of values, then each value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut sorted: Vec<(&[u8], &Counts)> = self.iter().collect();
        sorted.sort_unstable_by_key(|(value, _)| *value);
        let mut out = vec![VERSION];
        put(&mut out, sorted.into_iter());
        out
    }
}

/// Calls `each` with every value in the output of [`List::encode`].
///
/// # Errors
/// [`CorruptDelta`] for any other input, and the errors of `each`.
pub fn read(
    data: &[u8],
    each: impl FnMut(&[u8], &Counts) -> Result<(), CorruptDelta>,
) -> Result<(), CorruptDelta> {
    let mut data = data;
    if bytes::take_byte(&mut data)? != VERSION {
        return Err(CorruptDelta);
    }
    take(&mut data, each)?;
    match data {
        [] => Ok(()),
        _ => Err(CorruptDelta),
    }
}

/// Merges several lists into one, adding the counts, without holding all values in memory.
///
/// # Errors
/// [`CorruptDelta`] if a list is not the output of [`List::encode`].
pub fn merge(lists: &[&[u8]]) -> Result<Vec<u8>, CorruptDelta> {
    let mut cursors = Vec::with_capacity(lists.len());
    for list in lists {
        let mut data = *list;
        if bytes::take_byte(&mut data)? != VERSION {
            return Err(CorruptDelta);
        }
        let mut cursor = Cursor::new(data)?;
        if cursor.advance()? {
            cursors.push(cursor);
        }
    }
    let mut writer = Writer::default();
    // There are few lists, so a linear search is fast enough.
    while let Some(first) = cursors.iter().map(|cursor| &cursor.value).min() {
        let value = first.clone();
        let mut sum = Counts::default();
        let mut at = 0;
        while let Some(cursor) = cursors.get_mut(at) {
            if cursor.value == value {
                sum.add(&cursor.counts);
                if !cursor.advance()? {
                    cursors.swap_remove(at);
                    continue;
                }
            }
            at += 1;
        }
        writer.put(&value, &sum);
    }
    let mut out = vec![VERSION];
    bytes::put(&mut out, writer.count);
    out.extend_from_slice(&writer.out);
    Ok(out)
}

/// Writes the number of values, then the sorted values.
pub(super) fn put<'a>(
    out: &mut Vec<u8>,
    sorted: impl ExactSizeIterator<Item = (&'a [u8], &'a Counts)>,
) {
    bytes::put(out, sorted.len() as u64);
    let mut writer = Writer {
        out: std::mem::take(out),
        ..Writer::default()
    };
    for (value, counts) in sorted {
        writer.put(value, counts);
    }
    *out = writer.out;
}

/// Encoding of a value: number of bytes shared with the previous value, number of added bytes,
/// those bytes, a bit mask of the counts that are not zero, and those counts.
#[derive(Default)]
struct Writer {
    out: Vec<u8>,
    before: Vec<u8>,
    count: u64,
}

impl Writer {
    fn put(&mut self, value: &[u8], counts: &Counts) {
        let both = self.before.iter().zip(value);
        let shared = both.take_while(|(a, b)| a == b).count();
        let added = &value[shared..];
        bytes::put(&mut self.out, shared as u64);
        bytes::put(&mut self.out, added.len() as u64);
        self.out.extend_from_slice(added);
        self.before.truncate(shared);
        self.before.extend_from_slice(added);
        let fields = counts.fields();
        let mask = fields
            .iter()
            .rev()
            .fold(0, |mask, field| mask << 1 | u8::from(*field != 0));
        self.out.push(mask);
        for field in fields.into_iter().filter(|field| *field != 0) {
            bytes::put(&mut self.out, field);
        }
        self.count += 1;
    }
}

/// Reads the output of [`put`], value by value.
struct Cursor<'a> {
    data: &'a [u8],
    left: u64,
    value: Vec<u8>,
    counts: Counts,
}

impl<'a> Cursor<'a> {
    fn new(mut data: &'a [u8]) -> Result<Self, CorruptDelta> {
        let left = bytes::take(&mut data)?;
        Ok(Self {
            data,
            left,
            value: Vec::with_capacity(64),
            counts: Counts::default(),
        })
    }

    /// Reads the next value; returns false at the end.
    fn advance(&mut self) -> Result<bool, CorruptDelta> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        let data = &mut self.data;
        let shared = usize::try_from(bytes::take(data)?).map_err(|_| CorruptDelta)?;
        if shared > self.value.len() {
            return Err(CorruptDelta);
        }
        self.value.truncate(shared);
        let added = bytes::take(data)?;
        self.value
            .extend_from_slice(bytes::take_slice(data, added)?);
        let mask = bytes::take_byte(data)?;
        self.counts = Counts::default();
        for (bit, field) in self.counts.fields_mut().into_iter().enumerate() {
            if mask & (1 << bit) != 0 {
                *field = bytes::take(data)?;
            }
        }
        Ok(true)
    }
}

/// Calls `each` with the output of [`put`], and leaves the rest of the input.
pub(super) fn take(
    data: &mut &[u8],
    mut each: impl FnMut(&[u8], &Counts) -> Result<(), CorruptDelta>,
) -> Result<(), CorruptDelta> {
    let mut cursor = Cursor::new(data)?;
    while cursor.advance()? {
        each(&cursor.value, &cursor.counts)?;
    }
    *data = cursor.data;
    Ok(())
}
