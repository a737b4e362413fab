//! What a term stands for.
//!
//! The first byte says which of these it is:
//!
//! | byte | then | true of a document that |
//! | --- | --- | --- |
//! | 1 | two characters | has the two side by side in a searchable text |
//! | 2 | one character, not ASCII | has it in a searchable text |
//! | 3 | a [`Fact`] and its value | has it in that column, empty values too |
//! | 4 | a label's name, NUL, its value | has that label, not empty |
//! | 5 | the hash of a long label's name, its value | has that label, not empty |
//! | 6 | a label's name | has that label, not empty |
//! | 7 | | was told with other labels than its own, too |
//!
//! No term is longer than [`MAX`]. A long value is cut, and ends in NUL and its
//! hash: equal values have equal terms, but what else is asked of a value
//! ([`Value`]) cannot be said of one that was cut. NUL is in no text, because it
//! is stored as U+FFFD; here it is taken as that, too.

use std::borrow::Cow;

/// The most bytes of a term.
pub const MAX: usize = 128;

/// The most bytes of a label's name before it is hashed.
const MAX_NAME: usize = 48;
/// The most bytes of a value before it is cut.
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
    /// Where it came from.
    Source = 0,
    /// As in [`crate::alert::Facts`].
    Alertname = 1,
    /// As in [`crate::alert::Facts`].
    Instance = 2,
    /// As in [`crate::alert::Facts`].
    Severity = 3,
    /// As in [`crate::alert::Facts`].
    Team = 4,
}

/// The value within a term of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// All of it.
    Whole(&'a str),
    /// It begins so; the rest is not known.
    Cut(&'a str),
}

/// The term of a fact and its value.
#[must_use]
pub fn field(fact: Field, value: &str) -> Vec<u8> {
    let mut term = Vec::with_capacity(MAX);
    put_field(&mut term, fact, value);
    term
}

/// The term of a label and its value, which is not empty.
#[must_use]
pub fn label(name: &str, value: &str) -> Vec<u8> {
    let mut term = Vec::with_capacity(MAX);
    put_label(&mut term, name, value);
    term
}

/// The term of all that have the label, not empty.
#[must_use]
pub fn has_label(name: &str) -> Vec<u8> {
    let mut term = Vec::with_capacity(MAX);
    put_has_label(&mut term, name);
    term
}

/// With what all terms of [`label()`] begin that have this name.
#[must_use]
pub fn label_prefix(name: &str) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(MAX);
    put_name(&mut prefix, name);
    prefix
}

/// The term of all that were told with labels that are not their own.
#[must_use]
pub fn overridden() -> Vec<u8> {
    vec![OVERRIDDEN]
}

/// The first byte string after all that begin with `prefix`; none where there
/// is no end.
#[must_use]
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// The terms that are all true of a document with `word` in a text, each once;
/// none where that is not known, as of one ASCII character.
///
/// The word is folded as the texts are, and has no white space in it.
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

/// Reads what follows [`label_prefix`] in a term; `None` where it is not one.
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

pub(super) fn put_field(term: &mut Vec<u8>, fact: Field, value: &str) {
    term.push(FACT);
    term.push(fact as u8);
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

/// As it is stored.
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
