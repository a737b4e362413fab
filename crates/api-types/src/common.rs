use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Label or annotation names and their values.
pub type Labels = BTreeMap<String, String>;

/// What an alert's sender said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The condition holds.
    Firing,
    /// The condition is over.
    Resolved,
}

/// One page of a list. A page may be short; only a null `nextCursor` ends the
/// list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows of this page, in the order asked for.
    pub items: Vec<T>,
    /// Pass it back as `cursor`, with the same filters, for the next page.
    pub next_cursor: Option<String>,
    /// The same for the page before; null at the beginning.
    #[serde(default)]
    pub prev_cursor: Option<String>,
    /// How many rows the list has altogether, where `count` was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<RowCount>,
}

/// How many rows a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RowCount {
    /// How many were counted.
    pub value: u64,
    /// True: that is all of them. False: there are more than that.
    pub exact: bool,
}

/// An error as RFC 9457 has it (`application/problem+json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A stable identifier of the kind of problem, `urn:tocsin:problem:NAME`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words; the same for every one of its kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time and what can be done about it.
    pub detail: String,
    /// The fields that are wrong, where the problem lies in fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Where somebody else changed it meanwhile: the object as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub current: Option<serde_json::Value>,
    /// Beside `current`: what this request asked for, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub yours: Option<serde_json::Value>,
}

/// One wrong field or query parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// The field's name as the request has it, such as `email` or `matchers[0]`.
    pub field: String,
    /// What was expected, as a sentence.
    pub message: String,
}
