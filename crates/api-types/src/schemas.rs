//! String and ID schemas shared by several fields. Used only for the OpenAPI document,
//! so that each constraint is defined once.

use utoipa::ToSchema;

/// Display name: one line of 1 to 100 characters, without control characters,
/// invisible characters and bidirectional overrides. Surrounding whitespace is
/// removed.
#[derive(ToSchema)]
#[schema(
    min_length = 1,
    max_length = 100,
    pattern = r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]*[^\u0000-\u0020\u007f-\u00a0\u061c\u1680\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f\u2060\u2066-\u2069\u3000\ufeff][^\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]*$",
    example = "On call"
)]
pub struct Name(pub String);

/// E-mail address of up to 254 bytes. Internationalized domain names are allowed.
#[derive(ToSchema)]
#[schema(format = Email, max_length = 254, example = "ada@example.com")]
pub struct Email(pub String);

/// Alertmanager matcher: `name="value"`, or with `!=`, `=~` or `!~`. A missing label
/// equals an empty one. Regular expressions (RE2) are anchored. The pattern covers the
/// common forms; all other valid matchers of up to 4,096 bytes are accepted as well.
#[derive(ToSchema)]
#[schema(example = "severity=~\"critical|warning\"")]
pub struct Matcher(pub String);

/// IANA time zone name.
#[derive(ToSchema)]
#[schema(example = "Asia/Shanghai")]
pub struct TimeZone(pub String);

/// Source of deliveries.
#[derive(ToSchema)]
#[schema(
    min_length = 1,
    max_length = 64,
    pattern = "^[A-Za-z0-9._-]+$",
    example = "production"
)]
pub struct Source(pub String);

/// ID of an object.
#[derive(ToSchema)]
#[schema(minimum = 1, example = 1)]
pub struct Id(pub i64);
