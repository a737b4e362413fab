//! Why a whole body was refused.

/// The most characters of a body that an error message quotes.
const EXCERPT: usize = 80;

/// Nothing of a body could be read. The message is for the person who configured the sender, and
/// carries at most a short excerpt of the body, for it ends in the sender's log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Zero bytes, or white space only.
    #[error("the body is empty; send the JSON that Alertmanager's webhook_config posts")]
    Empty,
    /// Not UTF-8, which JSON has to be.
    #[error("the body is not UTF-8 (first bad byte at offset {offset})")]
    NotUtf8 {
        /// From the beginning of the body, from 0.
        offset: usize,
    },
    /// Not JSON, or cut off.
    #[error("the body is not JSON: {reason} at line {line}, column {column}: {excerpt}")]
    NotJson {
        /// What the JSON reader expected.
        reason: String,
        /// From 1.
        line: usize,
        /// In bytes, from 1; 0 at a line's very beginning.
        column: usize,
        /// What stands there, at most 80 characters.
        excerpt: String,
    },
    /// JSON, but not an object.
    #[error("the body is {found}, not an object")]
    NotAnObject {
        /// What it is, in words.
        found: &'static str,
    },
    /// A bare array.
    #[error(
        "the body is an array: this is the form of /api/v2/alerts, which Prometheus posts to an \
         Alertmanager; a webhook body is an object with an `alerts` array"
    )]
    BareArray,
    /// Grafana before version 9.
    #[error(
        "this is a notification of Grafana's legacy alerting (evalMatches, no `alerts`); use \
         Grafana's unified alerting with a webhook contact point"
    )]
    LegacyGrafana,
    /// An object without `alerts`.
    #[error("the body has no `alerts` array; send what Alertmanager's webhook_config posts")]
    NoAlerts,
    /// More than a body may have; see [`super::MAX_ALERTS`].
    #[error("`alerts` has more than {limit} entries; set max_alerts in the webhook_config")]
    TooManyAlerts {
        /// The most there may be.
        limit: usize,
    },
    /// `alerts` is something else.
    #[error("`alerts` is {found}, not an array")]
    AlertsNotAnArray {
        /// What it is, in words.
        found: &'static str,
    },
}

impl ParseError {
    /// A stable name for counters and for the API's problem type.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "empty-body",
            Self::NotUtf8 { .. } => "not-utf8",
            Self::NotJson { .. } => "not-json",
            Self::NotAnObject { .. } | Self::BareArray => "not-an-object",
            Self::TooManyAlerts { .. } => "too-many-alerts",
            Self::LegacyGrafana | Self::NoAlerts | Self::AlertsNotAnArray { .. } => "no-alerts",
        }
    }
}

impl ParseError {
    /// What serde_json says of `text`, with what stands at that place.
    pub(super) fn not_json(error: &serde_json::Error, text: &str) -> Self {
        let (line, column) = (error.line(), error.column());
        let position = format!(" at line {line} column {column}");
        let said = error.to_string();
        Self::NotJson {
            reason: said.strip_suffix(&position).unwrap_or(&said).to_owned(),
            line,
            column,
            excerpt: around(text, line, column),
        }
    }
}

/// At most [`EXCERPT`] characters around a place, on one line.
fn around(text: &str, line: usize, column: usize) -> String {
    let line = text.split('\n').nth(line.saturating_sub(1)).unwrap_or("");
    let mut place = column.saturating_sub(1).min(line.len());
    while !line.is_char_boundary(place) {
        place -= 1;
    }
    let (before, after) = line.split_at(place);
    let mut start = before.len();
    for (at, _) in before.char_indices().rev().take(EXCERPT / 2) {
        start = at;
    }
    let quoted: String = before[start..]
        .chars()
        .chain(after.chars().take(EXCERPT / 2))
        .map(printable)
        .collect();
    quoted.trim().to_owned()
}

/// The beginning of a value for a message: short, and on one line.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT / 2).map(printable).collect()
}

/// Control characters have no place in a message that ends in logs.
fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}
