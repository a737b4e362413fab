//! Who may ask for what, as `access` says it.

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
            "description": "An API token: made by an administrator on the page Tokens, with `POST /api/v1/tokens` or \
                with `tocsin token add`. Its scopes say what it opens: `ingest` delivers alerts and reads nothing, \
                `read` does what a viewer may, `respond` what a responder may, `admin` everything. Each of the last \
                three includes those before it.",
        },
        TOKEN_BASIC: {
            "type": "http",
            "scheme": "basic",
            "description": "The same token as the password, for programs that know no other way; the user name is \
                not looked at.",
        },
        SESSION: {
            "type": "apiKey",
            "in": "cookie",
            "name": "tocsin",
            "description": "The cookie that signing in sets; its name is `__Host-tocsin` where it comes by TLS, or \
                `__Secure-tocsin` below a path prefix. The user's role says what may be done.",
        },
    });
    // What is public says so itself.
    document["security"] = required("viewer", "read");
    each_operation(document, |mut operation| {
        let method = operation.method.to_uppercase();
        if let Some(needs) = policy::needs(&method, operation.path) {
            say(&mut operation, needs);
        }
    });
}

fn say(operation: &mut Operation<'_>, needs: Requirement) {
    let (security, role, sentence) = match needs {
        Requirement::Nothing => (json!([]), "none", "Role: none; anybody may ask.".to_owned()),
        Requirement::Ingest => (
            json!([{TOKEN: ["ingest"]}, {TOKEN_BASIC: ["ingest"]}]),
            "ingest",
            "Needs a token with the scope `ingest`. Without any such token, requests to this machine's own names \
             are taken on loopback."
                .to_owned(),
        ),
        Requirement::Person => (
            json!([{SESSION: ["viewer"]}]),
            "viewer",
            "Role: viewer, of a person: this is about one's own account, which a token has none of.".to_owned(),
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
                format!("Role: {role}; as a token, the scope `{scope}`."),
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

/// Says that webhooks need no token at present.
pub(super) fn open_webhooks(document: &mut Value) {
    each_operation(document, |operation| {
        if operation.value["x-required-role"] == "ingest" {
            push(&mut operation.value["security"], json!({}));
        }
    });
}
