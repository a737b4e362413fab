//! Meaning of each problem type.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::http::problem::ProblemKind;

/// All problem types, sorted by status.
pub(super) const ALL: [ProblemKind; 21] = [
    ProblemKind::InvalidRequest,
    ProblemKind::UnreadableBody,
    ProblemKind::Unauthorized,
    ProblemKind::WrongCredentials,
    ProblemKind::Forbidden,
    ProblemKind::CrossSite,
    ProblemKind::NotFound,
    ProblemKind::MethodNotAllowed,
    ProblemKind::RequestTimeout,
    ProblemKind::Conflict,
    ProblemKind::InUse,
    ProblemKind::PreconditionFailed,
    ProblemKind::PayloadTooLarge,
    ProblemKind::UnsupportedMediaType,
    ProblemKind::MisdirectedRequest,
    ProblemKind::IdempotencyMismatch,
    ProblemKind::Unprocessable,
    ProblemKind::TooManyRequests,
    ProblemKind::Internal,
    ProblemKind::QueueFull,
    ProblemKind::Unavailable,
];

/// When a problem of this type occurs, and what to do about it.
fn meaning(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::InvalidRequest => {
            "The request does not match the schema. `errors` lists every invalid field and parameter."
        }
        ProblemKind::UnreadableBody => {
            "The body is not a JSON document with alerts, does not match its `Content-Encoding`, or is incomplete."
        }
        ProblemKind::Unauthorized => {
            "The credential is missing, unknown, expired, revoked or ambiguous. `detail` states which."
        }
        ProblemKind::WrongCredentials => "The e-mail address or the password is wrong.",
        ProblemKind::Forbidden => {
            "The credential lacks the required permission, which `detail` states."
        }
        ProblemKind::CrossSite => "The request was sent by a page of another site.",
        ProblemKind::NotFound => {
            "The object does not exist, or is not visible to the user or token."
        }
        ProblemKind::MethodNotAllowed => {
            "The path does not support the method. The header `Allow` lists the supported methods."
        }
        ProblemKind::RequestTimeout => "The body was not received in time.",
        ProblemKind::Conflict => {
            "The request conflicts with the stored objects: the name is taken, a referenced object does not exist, or \
             the object was changed concurrently."
        }
        ProblemKind::InUse => "Other objects, listed in `detail`, refer to the object.",
        ProblemKind::PreconditionFailed => {
            "The object is not of the version in `If-Match`. `current` is the object as stored, `yours` the object as requested."
        }
        ProblemKind::PayloadTooLarge => "The body is too large.",
        ProblemKind::UnsupportedMediaType => {
            "The `Content-Type` or `Content-Encoding` of the body is not supported."
        }
        ProblemKind::MisdirectedRequest => {
            "The `Host` is not a loopback name. Without an ingest token, the webhook accepts no other, to prevent DNS rebinding."
        }
        ProblemKind::IdempotencyMismatch => {
            "The `Idempotency-Key` was used for a different request."
        }
        ProblemKind::Unprocessable => {
            "The request matches the schema, but its content is not acceptable, for example a weak password. `errors` \
             lists the reasons."
        }
        ProblemKind::TooManyRequests => {
            "A rate limit is exceeded. `Retry-After` contains the seconds to wait."
        }
        ProblemKind::Internal => "An internal error. The server log contains the details.",
        ProblemKind::QueueFull => "The ingest queue is full. Retry after `Retry-After` seconds.",
        ProblemKind::Unavailable => {
            "The database does not answer or its files are missing, the server is stopping, or too many requests of this \
             kind are running. Retry after `Retry-After` seconds."
        }
    }
}

/// Stable identifier, the `type` of a problem.
fn identifier(kind: ProblemKind) -> String {
    format!("urn:tocsin:problem:{}", kind.parts().0)
}

/// Problem types with this status.
pub(super) fn of_status(status: u16) -> impl Iterator<Item = ProblemKind> {
    let mut all = ALL.into_iter();
    std::iter::from_fn(move || all.find(|kind| kind.parts().2.as_u16() == status))
}

/// Description of every problem type with this status.
pub(super) fn sentences(status: u16) -> String {
    let lines: Vec<String> = of_status(status)
        .map(|kind| format!("`{}`: {}", identifier(kind), meaning(kind)))
        .collect();
    lines.join("\n\n")
}

/// Example of a problem.
pub(super) fn example(kind: ProblemKind, detail: &str) -> Value {
    let (_, title, status) = kind.parts();
    json!({
        "type": identifier(kind),
        "title": title,
        "status": status.as_u16(),
        "detail": detail,
    })
}

/// Markdown table of all problem types.
pub(super) fn table() -> String {
    let mut table = "| Type | Status | Meaning |\n|---|---|---|\n".to_owned();
    for kind in ALL {
        let status = kind.parts().2.as_u16();
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| `{}` | {status} | {} |",
            identifier(kind),
            meaning(kind)
        );
    }
    table
}

/// Possible values of `type`.
pub(super) fn identifiers() -> Vec<String> {
    ALL.into_iter().map(identifier).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_type_is_listed_once() {
        for kind in ALL {
            let same = ALL.iter().filter(|other| **other == kind).count();
            assert_eq!(same, 1, "{kind:?}");
        }
        // The last variant: its discriminant is the number of the others.
        assert_eq!(ALL.len(), ProblemKind::Unavailable as usize + 1);
    }

    #[test]
    fn problem_types_are_sorted_by_status() {
        let statuses = ALL.map(|kind| kind.parts().2);
        assert!(statuses.is_sorted(), "{statuses:?}");
    }

    #[test]
    fn api_guide_contains_the_same_table() {
        let guide = include_str!("../../../../../docs/api.md");
        for line in table().lines() {
            assert!(
                guide.contains(line),
                "docs/api.md does not contain the line {line}"
            );
        }
    }
}
