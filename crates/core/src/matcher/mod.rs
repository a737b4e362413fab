//! Label matchers, as Alertmanager writes them: `name="value"`, `!=`, `=~`, `!~`.
//!
//! Routes, the API's `label=` filter and the browser share this code.

mod error;
mod expression;
mod list;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use regex_automata::meta::Regex;

pub use error::MatcherError;
pub use list::{InvalidMatcher, MAX_MATCHERS, parse_all, parse_list};
pub use parse::{MAX_LENGTH, parse};

use crate::alert::Labels;

/// Comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`: the whole value matches the regular expression.
    Match,
    /// `!~`: negation of `=~`.
    NotMatch,
}

impl Op {
    /// The operator in matcher syntax.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Match => "=~",
            Self::NotMatch => "!~",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One condition on one label.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    op: Op,
    value: String,
    /// Only for [`Op::Match`] and [`Op::NotMatch`]; compiled once.
    regex: Option<Regex>,
}

impl Matcher {
    /// Creates a matcher on the label `name`.
    ///
    /// Regular expressions are those of Rust's `regex`, which equal Go's with rare exceptions
    /// (`\Q…\E`), and are anchored as Alertmanager anchors them (`^(?:…)$`).
    ///
    /// # Errors
    ///
    /// [`MatcherError`] if the name is empty, the matcher too long, or the expression invalid.
    pub fn new(name: String, op: Op, value: String) -> Result<Self, MatcherError> {
        if name.is_empty() {
            return Err(MatcherError::Syntax {
                position: 1,
                expected: "a label name",
            });
        }
        if name.len() + value.len() > MAX_LENGTH {
            return Err(MatcherError::TooLong { limit: MAX_LENGTH });
        }
        let regex = match op {
            Op::Equal | Op::NotEqual => None,
            Op::Match | Op::NotMatch => Some(expression::compile(&value)?),
        };
        Ok(Self {
            name,
            op,
            value,
            regex,
        })
    }

    /// The label name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The operator.
    #[must_use]
    pub const fn op(&self) -> Op {
        self.op
    }

    /// The value to compare with, or the regular expression as written, not anchored.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether the label set matches. A missing label equals an empty one.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matches_value(labels.get(&self.name).map_or("", String::as_str))
    }

    /// Whether a label with this value matches.
    #[must_use]
    pub fn matches_value(&self, value: &str) -> bool {
        let equal = match &self.regex {
            Some(regex) => regex.is_match(value),
            None => self.value == value,
        };
        equal == matches!(self.op, Op::Equal | Op::Match)
    }

    /// Size of the compiled expression in bytes; 0 without one.
    fn size(&self) -> usize {
        self.regex.as_ref().map_or(0, Regex::memory_usage)
    }

    /// Whether an alert without this label matches.
    #[must_use]
    pub fn matches_empty(&self) -> bool {
        self.matches_value("")
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl Eq for Matcher {}

/// The canonical form: `name="value"`, which [`parse()`] accepts. A name other than
/// `[a-zA-Z_:][a-zA-Z0-9_:]*` is quoted.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_classic(&self.name) {
            f.write_str(&self.name)?;
        } else {
            quote(f, &self.name)?;
        }
        f.write_str(self.op.as_str())?;
        quote(f, &self.value)
    }
}

impl FromStr for Matcher {
    type Err = MatcherError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text)
    }
}

/// Formats matchers in canonical form, `{a="b",c=~"d"}`, which [`parse_list`] accepts.
#[must_use]
pub fn display_list(matchers: &[Matcher]) -> String {
    let list: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    format!("{{{}}}", list.join(","))
}

fn is_classic(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':'))
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            c => fmt::Write::write_char(f, c)?,
        }
    }
    f.write_str("\"")
}
