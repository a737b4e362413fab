//! Why a change was not made, as the API tells it.

use tocsin_api_types::FieldError;
use tocsin_pipeline::{ChangeError, FieldIssue};

use super::problem::{ApiError, Kind};

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Invalid(issues) => {
                let errors = issues
                    .into_iter()
                    .map(|FieldIssue { field, message }| FieldError { field, message })
                    .collect();
                Self::fields(Kind::InvalidRequest, errors)
            }
            ChangeError::NotFound { what, id } => Self::no_such(what, id),
            // The detail names the users already.
            ChangeError::InUse { detail, users: _ } => Self::new(Kind::InUse, detail),
            ChangeError::Conflict { field, message } => Self::fields(
                Kind::Conflict,
                vec![FieldError {
                    field: field.to_owned(),
                    message,
                }],
            ),
            ChangeError::NotNow(detail) => Self::new(Kind::Conflict, detail),
            ChangeError::Storage(error) => error.into(),
        }
    }
}
