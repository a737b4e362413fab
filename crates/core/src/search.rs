//! The words of a search and the text they are looked for in.
//!
//! Both are lower-cased here, because neither database does it for more than ASCII in the same way.

use crate::alert::AlertFields;

/// The most words of a search.
pub const MAX_WORDS: usize = 16;

/// The most characters of a search.
pub const MAX_LENGTH: usize = 200;

/// What of an alert can be searched, lower-cased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Searchable {
    /// alertname and instance, on a line each: no word of a search reaches over both.
    pub subject: String,
    /// The message.
    pub message: String,
}

impl Searchable {
    /// The searchable text of an alert.
    #[must_use]
    pub fn of(facts: &AlertFields) -> Self {
        Self {
            subject: subject(&facts.alertname, &facts.instance),
            message: fold(&facts.message),
        }
    }
}

/// [`Searchable::subject`] by itself.
#[must_use]
pub fn subject(alertname: &str, instance: &str) -> String {
    fold(&format!("{alertname}\n{instance}"))
}

/// Lower case and of usual width, character by character. A Chinese keyboard types Latin
/// letters, digits and signs as wide as its own ("ＤＢ－１"). Unlike [`str::to_lowercase`], which writes a Greek sigma
/// by what stands around it, so that a part of a text would not be found in it.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars()
        .map(usual_width)
        .flat_map(char::to_lowercase)
        .collect()
}

/// ASCII for its full-width form (U+FF01 to U+FF5E).
fn usual_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// Splits a search into its words, lower-cased, each once, as they come. White space separates, of
/// any script: U+3000 too, which a Chinese keyboard types.
///
/// # Errors
///
/// [`SearchError`] past [`MAX_LENGTH`] or [`MAX_WORDS`]; cut silently, it would find too much.
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

/// A search that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// Past [`MAX_LENGTH`].
    #[error("a search may have at most {MAX_LENGTH} characters")]
    TooLong,
    /// Past [`MAX_WORDS`].
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
    fn no_word_reaches_from_the_alertname_into_the_instance() {
        let facts = AlertFields {
            alertname: "NodeDown".into(),
            instance: "DB-1:9100".into(),
            message: "Büro ÜBERHITZT".into(),
            ..AlertFields::default()
        };
        let searchable = Searchable::of(&facts);
        assert_eq!(searchable.subject, "nodedown\ndb-1:9100");
        assert_eq!(searchable.message, "büro überhitzt");
    }

    proptest! {
        #[test]
        fn a_part_of_a_text_is_found_in_it(before in ".*", part in ".*", after in ".*") {
            let whole = format!("{before}{part}{after}");
            prop_assert!(fold(&whole).contains(&fold(&part)));
        }
    }
}
