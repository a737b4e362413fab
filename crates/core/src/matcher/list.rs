//! Several matchers at once, bounded together.

use super::parse::{Reader, parse};
use super::{Matcher, MatcherError, expression};

/// The most matchers that a list, a route or a request may have.
pub const MAX_MATCHERS: usize = 32;

/// One of several matchers that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidMatcher {
    /// Its place in the list, from 0.
    pub index: usize,
    /// What is wrong.
    pub error: MatcherError,
}

/// Matchers that are taken one by one, until there are too many, or too much of them.
#[derive(Debug, Default)]
struct Bounded {
    matchers: Vec<Matcher>,
    size: usize,
}

impl Bounded {
    fn has_room(&self) -> Result<(), MatcherError> {
        match self.matchers.len() < MAX_MATCHERS {
            true => Ok(()),
            false => Err(MatcherError::TooMany {
                limit: MAX_MATCHERS,
            }),
        }
    }

    fn push(&mut self, matcher: Matcher) -> Result<(), MatcherError> {
        self.size += matcher.size();
        if self.size > expression::MAX_SIZE {
            return Err(MatcherError::RegexesTooLarge);
        }
        self.matchers.push(matcher);
        Ok(())
    }
}

/// Reads matchers that come one by one, as [`parse()`] reads one.
///
/// # Errors
///
/// All that are wrong; only the first that is too much, for what follows is not compiled.
pub fn parse_all<T: AsRef<str>>(texts: &[T]) -> Result<Vec<Matcher>, Vec<InvalidMatcher>> {
    if texts.len() > MAX_MATCHERS {
        return Err(vec![InvalidMatcher {
            index: MAX_MATCHERS,
            error: MatcherError::TooMany {
                limit: MAX_MATCHERS,
            },
        }]);
    }
    let mut list = Bounded::default();
    let mut invalid = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let parsed = parse(text.as_ref());
        if let Err(error) = parsed.and_then(|matcher| list.push(matcher)) {
            let is_too_much = matches!(
                error,
                MatcherError::RegexTooLarge | MatcherError::RegexesTooLarge
            );
            invalid.push(InvalidMatcher { index, error });
            if is_too_much {
                break;
            }
        }
    }
    match invalid.is_empty() {
        true => Ok(list.matchers),
        false => Err(invalid),
    }
}

/// Reads matchers separated by commas, with or without braces around them: `{a="b",c=~"d"}`.
/// Nothing between the braces, or nothing at all, is an empty list. A comma may end it.
///
/// # Errors
///
/// [`MatcherError`], which says where and what was expected.
pub fn parse_list(text: &str) -> Result<Vec<Matcher>, MatcherError> {
    let mut reader = Reader::of_list(text)?;
    let mut list = Bounded::default();
    while !reader.is_at_end() {
        list.has_room()?;
        list.push(reader.matcher()?)?;
        reader.comma_or_end()?;
    }
    Ok(list.matchers)
}
