use std::rc::Rc;

use serde::Deserialize;
use tocsin_api_types::FieldError;

use crate::i18n::Words;

/// The subset of the server's problem document that the pages use.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// Problem type, `urn:tocsin:problem:NAME`.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    pub errors: Vec<FieldError>,
    /// Seconds from the `Retry-After` header.
    #[serde(skip)]
    pub retry_after: Option<u32>,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq)]
pub enum ApiError {
    /// No response: the server or the network is down.
    Unreachable,
    /// A response that this program cannot parse, probably of another version.
    Unreadable,
    /// A problem document from the server.
    Problem(Rc<Problem>),
    /// An error status without a problem document, for example from a proxy.
    Status(u16),
}

impl ApiError {
    /// Parses the body of an error response.
    pub(super) fn from_body(status: u16, retry_after: Option<u32>, body: &str) -> Self {
        match serde_json::from_str::<Problem>(body) {
            Ok(problem) if !problem.title.is_empty() => Self::Problem(Rc::new(Problem {
                retry_after,
                ..problem
            })),
            _ => Self::Status(status),
        }
    }

    /// HTTP status, if there was a response.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            Self::Status(status) => Some(*status),
            Self::Unreachable | Self::Unreadable => None,
        }
    }

    /// A message for the user: what failed and what to do.
    pub fn explain(&self, words: &Words) -> String {
        match self {
            Self::Unreachable => words.common.unreachable.to_owned(),
            Self::Unreadable => words.common.unreadable.to_owned(),
            Self::Status(status) => (words.common.status_error)(*status),
            Self::Problem(problem) if problem.detail.is_empty() => problem.title.clone(),
            Self::Problem(problem) => problem.detail.clone(),
        }
    }

    /// Error message for the form field `name`; for a list, of its first invalid entry.
    pub fn field(&self, words: &Words, name: &str) -> Option<String> {
        let Self::Problem(problem) = self else {
            return None;
        };
        let of = |field: &str| {
            field
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
        };
        problem
            .errors
            .iter()
            .find(|error| of(&error.field))
            .map(|error| (words.common.field_wrong)(&error.field, &error.message))
    }

    /// Field errors of the problem.
    pub fn errors(&self) -> &[FieldError] {
        match self {
            Self::Problem(problem) => &problem.errors,
            _ => &[],
        }
    }

    /// True for a 404.
    pub fn is_missing(&self) -> bool {
        self.status() == Some(404)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> ApiError {
        ApiError::from_body(
            422,
            None,
            r#"{"type":"urn:tocsin:problem:invalid","title":"Invalid","status":422,"detail":"Wrong.",
                "errors":[{"field":"matchers[1]","message":"No matcher."},{"field":"name","message":"Empty."}]}"#,
        )
    }

    #[test]
    fn field_errors_match_their_field() {
        let words = crate::i18n::Lang::En.words();
        assert_eq!(problem().field(words, "name").as_deref(), Some("Empty."));
        assert_eq!(
            problem().field(words, "matchers").as_deref(),
            Some("No matcher.")
        );
        assert_eq!(problem().field(words, "match"), None);
    }

    #[test]
    fn proxy_error_page_is_a_status_error() {
        let error = ApiError::from_body(502, None, "<html>Bad gateway</html>");
        assert_eq!(error, ApiError::Status(502));
        assert!(!error.is_missing());
    }
}
