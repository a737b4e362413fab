use std::rc::Rc;

use serde::Deserialize;
use tocsin_api_types::FieldError;

use crate::i18n::Words;

/// What the server says of a request that it did not do: as much of the wire's
/// problem as the pages use.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// The kind, `urn:tocsin:problem:NAME`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The fields that are wrong.
    pub errors: Vec<FieldError>,
    /// From the header `Retry-After`: when to come again, in seconds.
    #[serde(skip)]
    pub retry_after: Option<u32>,
}

/// Why the server did not do it.
#[derive(Clone, Debug, PartialEq)]
pub enum ApiError {
    /// No answer: the server or the network is away.
    Unreachable,
    /// An answer that this program cannot read, likely of another version.
    Unreadable,
    /// The server says why.
    Problem(Rc<Problem>),
    /// An error of something between the browser and the server.
    Status(u16),
}

impl ApiError {
    /// Reads the body of an answer that is an error.
    pub(super) fn from_body(status: u16, retry_after: Option<u32>, body: &str) -> Self {
        match serde_json::from_str::<Problem>(body) {
            Ok(problem) if !problem.title.is_empty() => Self::Problem(Rc::new(Problem {
                retry_after,
                ..problem
            })),
            _ => Self::Status(status),
        }
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            Self::Status(status) => Some(*status),
            Self::Unreachable | Self::Unreadable => None,
        }
    }

    /// A sentence that says what happened and what can be done.
    pub fn explain(&self, words: &Words) -> String {
        match self {
            Self::Unreachable => words.common.unreachable.to_owned(),
            Self::Unreadable => words.common.unreadable.to_owned(),
            Self::Status(status) => (words.common.status_error)(*status),
            Self::Problem(problem) if problem.detail.is_empty() => problem.title.clone(),
            Self::Problem(problem) => problem.detail.clone(),
        }
    }

    /// What is wrong with a field of a form, by the field's name; of a list,
    /// the first of its entries that is wrong.
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

    /// The problem's errors, where there are any.
    pub fn errors(&self) -> &[FieldError] {
        match self {
            Self::Problem(problem) => &problem.errors,
            _ => &[],
        }
    }

    /// The thing does not exist.
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
    fn errors_find_their_field() {
        let words = crate::i18n::Lang::En.words();
        assert_eq!(problem().field(words, "name").as_deref(), Some("Empty."));
        assert_eq!(
            problem().field(words, "matchers").as_deref(),
            Some("No matcher.")
        );
        assert_eq!(problem().field(words, "match"), None);
    }

    #[test]
    fn an_error_page_of_a_proxy_is_no_problem() {
        let error = ApiError::from_body(502, None, "<html>Bad gateway</html>");
        assert_eq!(error, ApiError::Status(502));
        assert!(!error.is_missing());
    }
}
