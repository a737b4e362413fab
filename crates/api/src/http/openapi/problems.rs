//! What each kind of problem means.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::http::problem::ProblemKind;

/// Every kind there is, in the order of their statuses.
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

/// When a problem is of this kind, and what can be done about it.
fn meaning(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::InvalidRequest => {
            "The request is not as this document describes it; `errors` names every wrong field and parameter."
        }
        ProblemKind::UnreadableBody => {
            "The body is no JSON that an alert can be read from, is not compressed as it says, or ended early."
        }
        ProblemKind::Unauthorized => {
            "There is no credential, or it is not known, has expired, was revoked or is ambiguous; `detail` says which."
        }
        ProblemKind::WrongCredentials => "Signing in failed: the address or the password is wrong.",
        ProblemKind::Forbidden => "Whoever asks may not do this; `detail` says what is needed.",
        ProblemKind::CrossSite => "A page of another site sent this request in somebody's browser.",
        ProblemKind::NotFound => "There is nothing of this number or name, or it may not be seen.",
        ProblemKind::MethodNotAllowed => {
            "This address does not know the method; the header `Allow` names those it knows."
        }
        ProblemKind::RequestTimeout => "The body did not arrive in time.",
        ProblemKind::Conflict => {
            "What is there does not allow it: another object has the name, something referred to is missing, or \
             somebody changed the same thing at the same time."
        }
        ProblemKind::InUse => "Something else refers to it; `detail` says what.",
        ProblemKind::PreconditionFailed => {
            "It is not the version that `If-Match` names: `current` is the object as it is, `yours` what was asked for."
        }
        ProblemKind::PayloadTooLarge => "The body is too long.",
        ProblemKind::UnsupportedMediaType => {
            "The body's `Content-Type` or `Content-Encoding` is another than expected."
        }
        ProblemKind::MisdirectedRequest => {
            "The `Host` is not one that this server answers to while it needs no token: a page may have been led here."
        }
        ProblemKind::IdempotencyMismatch => "The `Idempotency-Key` was used for another request.",
        ProblemKind::Unprocessable => {
            "The request is as described, but its content is refused, such as a password that is easily guessed; \
             `errors` says why."
        }
        ProblemKind::TooManyRequests => {
            "Too much was asked in a short time; `Retry-After` says how many seconds to wait."
        }
        ProblemKind::Internal => "A fault of the server, whose log says more.",
        ProblemKind::QueueFull => {
            "More arrives than can be stored now; send it again after `Retry-After` seconds."
        }
        ProblemKind::Unavailable => {
            "The database does not answer or its files are gone, the server is stopping, or as much of this runs as \
             may at once; try again after `Retry-After` seconds."
        }
    }
}

/// The stable identifier, as a problem's `type` has it.
fn identifier(kind: ProblemKind) -> String {
    format!("urn:tocsin:problem:{}", kind.parts().0)
}

/// The kinds that a status may mean.
pub(super) fn of_status(status: u16) -> impl Iterator<Item = ProblemKind> {
    let mut all = ALL.into_iter();
    std::iter::from_fn(move || all.find(|kind| kind.parts().2.as_u16() == status))
}

/// A sentence for each kind that a status may mean.
pub(super) fn sentences(status: u16) -> String {
    let lines: Vec<String> = of_status(status)
        .map(|kind| format!("`{}`: {}", identifier(kind), meaning(kind)))
        .collect();
    lines.join("\n\n")
}

/// A problem as it may look.
pub(super) fn example(kind: ProblemKind, detail: &str) -> Value {
    let (_, title, status) = kind.parts();
    json!({
        "type": identifier(kind),
        "title": title,
        "status": status.as_u16(),
        "detail": detail,
    })
}

/// All kinds, as a table in Markdown.
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

/// The identifiers that a problem's `type` may be.
pub(super) fn identifiers() -> Vec<String> {
    ALL.into_iter().map(identifier).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed_once() {
        for kind in ALL {
            let same = ALL.iter().filter(|other| **other == kind).count();
            assert_eq!(same, 1, "{kind:?}");
        }
        // The last of the enumeration: those before it have the numbers before.
        assert_eq!(ALL.len(), ProblemKind::Unavailable as usize + 1);
    }

    #[test]
    fn kinds_stand_in_the_order_of_their_statuses() {
        let statuses = ALL.map(|kind| kind.parts().2);
        assert!(statuses.is_sorted(), "{statuses:?}");
    }

    #[test]
    fn the_guide_has_the_same_table() {
        let guide = include_str!("../../../../../docs/api.md");
        for line in table().lines() {
            assert!(guide.contains(line), "docs/api.md lacks the line {line}");
        }
    }
}
