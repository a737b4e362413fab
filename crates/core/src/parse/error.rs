//! Why a whole body is rejected.

/// Maximum number of characters of a body that an error message quotes.
const EXCERPT: usize = 80;

/// The body as a whole is invalid. The message is for the person who configured the sender, and
/// quotes at most a short excerpt, because it ends up in the sender's log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Zero bytes, or white space only.
    #[error("the body is empty; send the JSON that Alertmanager's webhook_config posts")]
    Empty,
    /// Not UTF-8, which JSON requires.
    #[error("the body is not UTF-8 (first bad byte at offset {offset})")]
    NotUtf8 {
        /// Byte offset in the body, from 0.
        offset: usize,
    },
    /// Not JSON, or truncated.
    #[error("the body is not JSON: {reason} at line {line}, column {column}: {excerpt}")]
    NotJson {
        /// Message of the JSON parser.
        reason: String,
        /// From 1.
        line: usize,
        /// In bytes, from 1; 0 at the start of a line.
        column: usize,
        /// The input at that position, at most 80 characters.
        excerpt: String,
    },
    /// JSON, but not an object.
    #[error("the body is {found}, not an object")]
    NotAnObject {
        /// Its JSON type, in words.
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
    /// Too many alerts; see [`super::MAX_ALERTS`].
    #[error("`alerts` has more than {limit} entries; set max_alerts in the webhook_config")]
    TooManyAlerts {
        /// The maximum.
        limit: usize,
    },
    /// `alerts` is not an array.
    #[error("`alerts` is {found}, not an array")]
    AlertsNotAnArray {
        /// Its JSON type, in words.
        found: &'static str,
    },
}

impl ParseError {
    /// Stable name for metrics and for the API's problem type.
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
    /// Converts an error of serde_json, with the input at its position.
    pub(super) fn not_json(error: &serde_json::Error, text: &str) -> Self {
        let (line, column) = (error.line(), error.column());
        let position = format!(" at line {line} column {column}");
        let message = error.to_string();
        Self::NotJson {
            reason: message
                .strip_suffix(&position)
                .unwrap_or(&message)
                .to_owned(),
            line,
            column,
            excerpt: around(text, line, column),
        }
    }
}

/// At most [`EXCERPT`] characters around a position, on one line.
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

/// The start of a value for a message: short, and on one line.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT / 2).map(printable).collect()
}

/// Control characters must not reach a log.
fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}
