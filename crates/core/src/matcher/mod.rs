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

/// How a label's value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`: the whole value matches the regular expression.
    Match,
    /// `!~`: it does not.
    NotMatch,
}

impl Op {
    /// As it is written.
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
    /// Of [`Op::Match`] and [`Op::NotMatch`] only; compiled once.
    regex: Option<Regex>,
}

impl Matcher {
    /// A matcher on the label `name`.
    ///
    /// Regular expressions are those of Rust's `regex`, which are Go's but for rarities (`\Q…\E`),
    /// and anchored as Alertmanager anchors them (`^(?:…)$`).
    ///
    /// # Errors
    ///
    /// [`MatcherError`] if the name is empty, the whole too long, or the expression is none.
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

    /// The label's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is compared.
    #[must_use]
    pub const fn op(&self) -> Op {
        self.op
    }

    /// What it is compared with: a value, or a regular expression as it was written, not anchored.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether the label set satisfies this. A missing label equals an empty one.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matches_value(labels.get(&self.name).map_or("", String::as_str))
    }

    /// Whether a label of this value satisfies this.
    #[must_use]
    pub fn matches_value(&self, value: &str) -> bool {
        let equal = match &self.regex {
            Some(regex) => regex.is_match(value),
            None => self.value == value,
        };
        equal == matches!(self.op, Op::Equal | Op::Match)
    }

    /// Bytes that its compiled expression takes; 0 without one.
    fn size(&self) -> usize {
        self.regex.as_ref().map_or(0, Regex::memory_usage)
    }

    /// Whether an alert without this label satisfies this.
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

/// The canonical form: `name="value"`, which [`parse()`] reads back. A name that is not a classic
/// one (`[a-zA-Z_:][a-zA-Z0-9_:]*`) is quoted.
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

/// Several matchers in canonical form, `{a="b",c=~"d"}`, which [`parse_list`] reads back.
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
