//! Search words and the strings they are searched in.
//!
//! Both are lower-cased here, because SQLite and PostgreSQL differ beyond ASCII.

use crate::alert::AlertFields;

/// Maximum number of words in a search.
pub const MAX_WORDS: usize = 16;

/// Maximum number of characters in a search.
pub const MAX_LENGTH: usize = 200;

/// The searchable fields of an alert, lower-cased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Searchable {
    /// alertname and instance, on a line each, so that no word matches across both.
    pub subject: String,
    /// The message.
    pub message: String,
}

impl Searchable {
    /// Builds the searchable strings of an alert.
    #[must_use]
    pub fn of(fields: &AlertFields) -> Self {
        Self {
            subject: subject(&fields.alertname, &fields.instance),
            message: fold(&fields.message),
        }
    }
}

/// [`Searchable::subject`] alone.
#[must_use]
pub fn subject(alertname: &str, instance: &str) -> String {
    fold(&format!("{alertname}\n{instance}"))
}

/// Lower case and half-width, character by character. A Chinese keyboard types Latin letters,
/// digits and punctuation as full-width characters ("ＤＢ－１"). [`str::to_lowercase`] is not used
/// because it lower-cases a Greek sigma by its context, so a substring might not be found.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars()
        .map(half_width)
        .flat_map(char::to_lowercase)
        .collect()
}

/// Maps full-width ASCII (U+FF01 to U+FF5E) to ASCII.
fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// Splits a search into its distinct words, lower-cased, in order. Any Unicode white space
/// separates words, including U+3000, which a Chinese keyboard types.
///
/// # Errors
///
/// [`SearchError`] beyond [`MAX_LENGTH`] or [`MAX_WORDS`]: a truncated search would match too much.
pub fn words(search: &str) -> Result<Vec<String>, SearchError> {
    if search.chars().count() > MAX_LENGTH {
        return Err(SearchError::TooLong);
    }
    let mut words: Vec<String> = Vec::new();
    for word in search.split_whitespace().map(fold) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    if words.len() > MAX_WORDS {
        return Err(SearchError::TooManyWords);
    }
    Ok(words)
}

/// A search that exceeds a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// Longer than [`MAX_LENGTH`].
    #[error("a search may have at most {MAX_LENGTH} characters")]
    TooLong,
    /// More than [`MAX_WORDS`].
    #[error("a search may have at most {MAX_WORDS} words")]
    TooManyWords,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_split_at_any_white_space_and_lower_cased() {
        assert_eq!(
            words(" Disk\u{3000}内存  ÄRGER\tdisk\n").unwrap(),
            ["disk", "内存", "ärger"]
        );
        assert_eq!(words(" \u{3000} ").unwrap(), [""; 0]);
        assert_eq!(words("ＤＢ－１　磁盘").unwrap(), ["db-1", "磁盘"]);
    }

    #[test]
    fn a_search_is_bounded() {
        let letters: String = ('a'..='q').map(|c| format!("{c} ")).collect();
        assert_eq!(words(&letters), Err(SearchError::TooManyWords));
        assert_eq!(words(&letters[2..]).unwrap().len(), MAX_WORDS);
        assert_eq!(words(&"存".repeat(201)), Err(SearchError::TooLong));
        assert_eq!(words(&"存".repeat(200)).unwrap().len(), 1);
    }

    #[test]
    fn no_word_matches_across_alertname_and_instance() {
        let fields = AlertFields {
            alertname: "NodeDown".into(),
            instance: "DB-1:9100".into(),
            message: "Büro ÜBERHITZT".into(),
            ..AlertFields::default()
        };
        let searchable = Searchable::of(&fields);
        assert_eq!(searchable.subject, "nodedown\ndb-1:9100");
        assert_eq!(searchable.message, "büro überhitzt");
    }

    proptest! {
        #[test]
        fn a_substring_is_found(before in ".*", part in ".*", after in ".*") {
            let whole = format!("{before}{part}{after}");
            prop_assert!(fold(&whole).contains(&fold(&part)));
        }
    }
}
