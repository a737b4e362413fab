//! Encoding of terms.
//!
//! The first byte is the kind:
//!
//! | byte | then | documents with the term |
//! | --- | --- | --- |
//! | 1 | two characters | have both side by side in a searchable string |
//! | 2 | one character, not ASCII | have it in a searchable string |
//! | 3 | a [`Field`] and its value | have it in that column, empty values too |
//! | 4 | a label's name, NUL, its value | have that label, not empty |
//! | 5 | the hash of a long label's name, its value | have that label, not empty |
//! | 6 | a label's name | have that label, not empty |
//! | 7 | | were also received with other labels than those of their alert |
//!
//! No term is longer than [`MAX`]. A long value is truncated and ends in NUL and its hash: equal
//! values have equal terms, but other conditions on a truncated value ([`Value`]) cannot be
//! decided. No stored string contains NUL, because it is stored as U+FFFD; here it is replaced as
//! well.

use std::borrow::Cow;

/// Maximum size of a term in bytes.
pub const MAX: usize = 128;

/// Maximum size of a label's name in bytes before it is hashed.
const MAX_NAME: usize = 48;
/// Maximum size of a value in bytes before it is truncated.
const MAX_VALUE: usize = MAX - MAX_NAME - 2;
const HASH: usize = 16;

pub(super) const PAIR: u8 = 1;
pub(super) const SINGLE: u8 = 2;
const FACT: u8 = 3;
const LABEL: u8 = 4;
const LONG_LABEL: u8 = 5;
const NAME: u8 = 6;
const OVERRIDDEN: u8 = 7;

/// A column that is filtered by its whole value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Source of the alert.
    Source = 0,
    /// See [`crate::alert::AlertFields`].
    Alertname = 1,
    /// See [`crate::alert::AlertFields`].
    Instance = 2,
    /// See [`crate::alert::AlertFields`].
    Severity = 3,
    /// See [`crate::alert::AlertFields`].
    Team = 4,
}

/// The value within a label's term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// The complete value.
    Whole(&'a str),
    /// The start of a truncated value.
    Cut(&'a str),
}

/// The term of a field and its value.
#[must_use]
pub fn field(field: Field, value: &str) -> Vec<u8> {
    let mut term = Vec::with_capacity(MAX);
    put_field(&mut term, field, value);
    term
}

/// The term of a label and its value, which must not be empty.
#[must_use]
pub fn label(name: &str, value: &str) -> Vec<u8> {
    let mut term = Vec::with_capacity(MAX);
    put_label(&mut term, name, value);
    term
}

/// The term of all documents with a non-empty value of the label.
#[must_use]
pub fn has_label(name: &str) -> Vec<u8> {
    let mut term = Vec::with_capacity(MAX);
    put_has_label(&mut term, name);
    term
}

/// Common prefix of all [`label()`] terms with this name.
#[must_use]
pub fn label_prefix(name: &str) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(MAX);
    put_name(&mut prefix, name);
    prefix
}

/// The term of all documents that were also received with other labels than those of their alert.
#[must_use]
pub fn overridden() -> Vec<u8> {
    vec![OVERRIDDEN]
}

/// The first byte string after all that start with `prefix`; `None` if there is no such string.
#[must_use]
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// The distinct terms of every document that has `word` in a searchable string; empty if there are
/// none, as for a single ASCII character.
///
/// The word must be folded as the strings are, and must not contain white space.
#[must_use]
pub fn word(word: &str) -> Vec<Vec<u8>> {
    let word = clean(word);
    let characters: Vec<char> = word.chars().collect();
    let mut terms: Vec<Vec<u8>> = match characters[..] {
        [one] if !one.is_ascii() => vec![encode(SINGLE, &[one])],
        _ => characters
            .windows(2)
            .filter(|pair| !pair.iter().any(|c| c.is_whitespace()))
            .map(|pair| encode(PAIR, pair))
            .collect(),
    };
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// Parses the rest of a term after [`label_prefix`]; `None` if it is invalid.
#[must_use]
pub fn value(rest: &[u8]) -> Option<Value<'_>> {
    match rest.iter().position(|byte| *byte == 0) {
        None => std::str::from_utf8(rest).ok().map(Value::Whole),
        Some(end) => std::str::from_utf8(&rest[..end]).ok().map(Value::Cut),
    }
}

pub(super) fn encode(family: u8, characters: &[char]) -> Vec<u8> {
    let mut term = vec![family];
    let mut buffer = [0; 4];
    for c in characters {
        term.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
    }
    term
}

pub(super) fn put_field(term: &mut Vec<u8>, field: Field, value: &str) {
    term.push(FACT);
    term.push(field as u8);
    put_value(term, value);
}

pub(super) fn put_label(term: &mut Vec<u8>, name: &str, value: &str) {
    put_name(term, name);
    put_value(term, value);
}

pub(super) fn put_has_label(term: &mut Vec<u8>, name: &str) {
    term.push(NAME);
    put_value(term, name);
}

fn put_name(term: &mut Vec<u8>, name: &str) {
    let name = clean(name);
    if name.len() <= MAX_NAME {
        term.push(LABEL);
        term.extend_from_slice(name.as_bytes());
        term.push(0);
    } else {
        term.push(LONG_LABEL);
        term.extend_from_slice(&hash(&name));
    }
}

fn put_value(term: &mut Vec<u8>, value: &str) {
    let value = clean(value);
    if value.len() <= MAX_VALUE {
        term.extend_from_slice(value.as_bytes());
        return;
    }
    let end = value.floor_char_boundary(MAX_VALUE - HASH - 1);
    term.extend_from_slice(&value.as_bytes()[..end]);
    term.push(0);
    term.extend_from_slice(&hash(&value));
}

/// The string as stored.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{FFFD}")),
        false => Cow::Borrowed(text),
    }
}

fn hash(text: &str) -> [u8; HASH] {
    let mut short = [0; HASH];
    short.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..HASH]);
    short
}
