use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Labels or annotations, by name.
pub type Labels = BTreeMap<String, String>;

/// Status of an alert as reported by its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The alert condition is met.
    Firing,
    /// The alert condition is no longer met.
    Resolved,
}

/// One page of a list. A page can have fewer rows than requested: the list ends
/// only where `nextCursor` is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// Rows of this page, in the requested order.
    pub items: Vec<T>,
    /// Cursor of the next page. Pass it as `cursor`, with the same filters. Null on
    /// the last page.
    pub next_cursor: Option<String>,
    /// Cursor of the previous page. Null on the first page.
    #[serde(default)]
    pub prev_cursor: Option<String>,
    /// Total number of rows in the list. Present if `count` was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<RowCount>,
}

/// Number of rows in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RowCount {
    /// Number of rows counted.
    pub value: u64,
    /// Whether `value` is the total. If false, the list has more rows.
    pub exact: bool,
}

/// An error in the format of RFC 9457 (`application/problem+json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Stable identifier of the problem type: `urn:tocsin:problem:NAME`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short summary of the problem type. The same for every problem of that type.
    pub title: String,
    /// HTTP status code.
    pub status: u16,
    /// Explanation of this occurrence, and how to fix it.
    pub detail: String,
    /// Invalid fields or query parameters. Omitted if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Current version of the object, if it was changed since it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub current: Option<serde_json::Value>,
    /// Version submitted by this request, without secrets. Present with `current`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub yours: Option<serde_json::Value>,
}

/// An invalid field or query parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// Name of the field in the request, such as `email` or `matchers[0]`.
    pub field: String,
    /// Explanation of the error, with the expected format.
    pub message: String,
}
