//! Security requirements, from [`policy`].

use serde_json::{Value, json};
use tocsin_storage::enums::Role;

use super::{Operation, each_operation, push};
use crate::http::policy::{self, Requirement};

const TOKEN: &str = "token";
const TOKEN_BASIC: &str = "tokenBasic";
const SESSION: &str = "session";

pub(super) fn complete(document: &mut Value) {
    document["components"]["securitySchemes"] = json!({
        TOKEN: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "tocsin_…",
            "description": "API token. Administrators create tokens on the page Tokens, with `POST /api/v1/tokens` or \
                with `tocsin token add`. Scopes: `ingest` sends alerts to the webhook and grants no read access, `read` \
                grants the permissions of a viewer, `respond` those of a responder, `admin` all permissions. Each of \
                the last three includes the previous ones.",
        },
        TOKEN_BASIC: {
            "type": "http",
            "scheme": "basic",
            "description": "The token as the password of HTTP Basic, for clients without bearer support. The user name \
                is ignored.",
        },
        SESSION: {
            "type": "apiKey",
            "in": "cookie",
            "name": "tocsin",
            "description": "Session cookie, set by sign-in. Over TLS its name is `__Host-tocsin`, or `__Secure-tocsin` \
                below a path prefix. The role of the user determines the permissions.",
        },
    });
    // Public operations override it.
    document["security"] = required("viewer", "read");
    each_operation(document, |mut operation| {
        let method = operation.method.to_uppercase();
        if let Some(requirement) = policy::requirement(&method, operation.path) {
            describe(&mut operation, requirement);
        }
    });
}

fn describe(operation: &mut Operation<'_>, requirement: Requirement) {
    let (security, role, sentence) = match requirement {
        Requirement::Nothing => (json!([]), "none", "Required role: none. The operation is public.".to_owned()),
        Requirement::Ingest => (
            json!([{TOKEN: ["ingest"]}, {TOKEN_BASIC: ["ingest"]}]),
            "ingest",
            "Requires a token with the scope `ingest`. As long as no such token exists and the server listens on \
             loopback only, requests to loopback names are accepted without a token."
                .to_owned(),
        ),
        Requirement::Person => (
            json!([{SESSION: ["viewer"]}]),
            "viewer",
            "Required role: viewer, signed in as a user. Tokens have no account.".to_owned(),
        ),
        Requirement::Role(role) => {
            let (role, scope) = match role {
                Role::Viewer => ("viewer", "read"),
                Role::Responder => ("responder", "respond"),
                Role::Admin => ("admin", "admin"),
            };
            (
                required(role, scope),
                role,
                format!("Required role: {role}. A token needs the scope `{scope}`."),
            )
        }
    };
    operation.value["security"] = security;
    operation.value["x-required-role"] = json!(role);
    let about = &mut operation.value["description"];
    *about = match about.as_str() {
        Some(text) if !text.is_empty() => json!(format!("{text}\n\n{sentence}")),
        _ => json!(sentence),
    };
}

fn required(role: &str, scope: &str) -> Value {
    json!([{TOKEN: [scope]}, {TOKEN_BASIC: [scope]}, {SESSION: [role]}])
}

/// Marks the token of webhooks as optional.
pub(super) fn open_webhooks(document: &mut Value) {
    each_operation(document, |operation| {
        if operation.value["x-required-role"] == "ingest" {
            push(&mut operation.value["security"], json!({}));
        }
    });
}
