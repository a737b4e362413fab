//! Texts of a form that several fields share, for the API's description only:
//! what JSON Schema can say of them is said once, here.

use utoipa::ToSchema;

/// A name for people to read: one line of 1 to 100 characters, without control
/// characters, invisible ones and those that turn the direction of writing.
/// Spaces around it are taken off.
#[derive(ToSchema)]
#[schema(
    min_length = 1,
    max_length = 100,
    pattern = r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]*[^\u0000-\u0020\u007f-\u00a0\u061c\u1680\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f\u2060\u2066-\u2069\u3000\ufeff][^\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]*$",
    example = "On call"
)]
pub struct Name(pub String);

/// A mail address: letters, digits and the usual signs, of up to 254 bytes. A
/// domain may also be written in its own script.
#[derive(ToSchema)]
#[schema(format = Email, max_length = 254, example = "ada@example.com")]
pub struct Email(pub String);

/// A matcher as Alertmanager writes it: `name="value"`, `!=`, `=~` or `!~`. A
/// missing label equals an empty one; regular expressions (RE2) are anchored.
/// The pattern has the common ones of these; any other is taken too, up to
/// 4,096 bytes.
#[derive(ToSchema)]
#[schema(example = "severity=~\"critical|warning\"")]
pub struct Matcher(pub String);

/// A time zone by its IANA name.
#[derive(ToSchema)]
#[schema(example = "Asia/Shanghai")]
pub struct TimeZone(pub String);

/// A source of deliveries.
#[derive(ToSchema)]
#[schema(
    min_length = 1,
    max_length = 64,
    pattern = "^[A-Za-z0-9._-]+$",
    example = "production"
)]
pub struct Source(pub String);

/// The number of an object.
#[derive(ToSchema)]
#[schema(minimum = 1, example = 1)]
pub struct Id(pub i64);
