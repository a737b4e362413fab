//! Lists of values with their counts: sorted by the values' bytes, each value once, and each written
//! as what it adds to the one before it.

use std::collections::HashMap;

use super::{Counts, UnreadableTallies, bytes};

const VERSION: u8 = 1;

/// Counts by value, where the order does not matter until they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    values: HashMap<Box<[u8]>, Counts>,
}

impl List {
    /// Adds counts; nothing is added for nothing.
    pub fn add(&mut self, value: &[u8], counts: &Counts) {
        if counts.is_empty() {
            return;
        }
        match self.values.get_mut(value) {
            Some(known) => known.add(counts),
            None => {
                self.values.insert(value.into(), *counts);
            }
        }
    }

    /// Adds what [`List::encode`] wrote.
    ///
    /// # Errors
    /// [`UnreadableTallies`] for anything else; some of it may have been added.
    pub fn add_encoded(&mut self, data: &[u8]) -> Result<(), UnreadableTallies> {
        read(data, |value, counts| {
            self.add(value, counts);
            Ok(())
        })
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values with their counts, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Counts)> {
        self.values.iter().map(|(value, counts)| (&**value, counts))
    }

    /// As bytes: a version, the number of values, and each of them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut sorted: Vec<(&[u8], &Counts)> = self.iter().collect();
        sorted.sort_unstable_by_key(|(value, _)| *value);
        let mut out = vec![VERSION];
        put(&mut out, sorted.into_iter());
        out
    }
}

/// Hands each value of [`List::encode`]'s bytes to `each`.
///
/// # Errors
/// [`UnreadableTallies`] for anything else, and whatever `each` answers.
pub fn read(
    data: &[u8],
    each: impl FnMut(&[u8], &Counts) -> Result<(), UnreadableTallies>,
) -> Result<(), UnreadableTallies> {
    let mut data = data;
    if bytes::take_byte(&mut data)? != VERSION {
        return Err(UnreadableTallies);
    }
    take(&mut data, each)?;
    match data {
        [] => Ok(()),
        _ => Err(UnreadableTallies),
    }
}

/// Writes sorted values. A value is: how many bytes it shares with the one before it, how many it
/// adds, these, a bit for each count that is not zero, and these counts.
pub(super) fn put<'a>(
    out: &mut Vec<u8>,
    sorted: impl ExactSizeIterator<Item = (&'a [u8], &'a Counts)>,
) {
    bytes::put(out, sorted.len() as u64);
    let mut before: &[u8] = &[];
    for (value, counts) in sorted {
        let shared = before.iter().zip(value).take_while(|(a, b)| a == b).count();
        bytes::put(out, shared as u64);
        bytes::put(out, (value.len() - shared) as u64);
        out.extend_from_slice(&value[shared..]);
        before = value;
        let fields = counts.fields();
        let mask = fields
            .iter()
            .rev()
            .fold(0, |mask, field| mask << 1 | u8::from(*field != 0));
        out.push(mask);
        for field in fields.into_iter().filter(|field| *field != 0) {
            bytes::put(out, field);
        }
    }
}

/// Reads what [`put`] wrote.
pub(super) fn take(
    data: &mut &[u8],
    mut each: impl FnMut(&[u8], &Counts) -> Result<(), UnreadableTallies>,
) -> Result<(), UnreadableTallies> {
    let mut value = Vec::with_capacity(64);
    for _ in 0..bytes::take(data)? {
        let shared = usize::try_from(bytes::take(data)?).map_err(|_| UnreadableTallies)?;
        if shared > value.len() {
            return Err(UnreadableTallies);
        }
        value.truncate(shared);
        let added = bytes::take(data)?;
        value.extend_from_slice(bytes::take_slice(data, added)?);
        let mask = bytes::take_byte(data)?;
        let mut counts = Counts::default();
        for (bit, field) in counts.fields_mut().into_iter().enumerate() {
            if mask & (1 << bit) != 0 {
                *field = bytes::take(data)?;
            }
        }
        each(&value, &counts)?;
    }
    Ok(())
}
