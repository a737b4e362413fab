//! As `convert`, for accounts.

use tocsin_api_types as wire;
use tocsin_storage::accounts::{TokenRow, TokenView, UserRow, UserView};
use tocsin_storage::codes;

pub(crate) fn role(role: codes::Role) -> wire::Role {
    match role {
        codes::Role::Viewer => wire::Role::Viewer,
        codes::Role::Responder => wire::Role::Responder,
        codes::Role::Admin => wire::Role::Admin,
    }
}

pub(crate) fn role_of(role: wire::Role) -> codes::Role {
    match role {
        wire::Role::Viewer => codes::Role::Viewer,
        wire::Role::Responder => codes::Role::Responder,
        wire::Role::Admin => codes::Role::Admin,
    }
}

pub(crate) fn access_of(scope: wire::Scope) -> codes::Access {
    match scope {
        wire::Scope::Ingest => codes::Access::Ingest,
        wire::Scope::Read => codes::Access::Viewer,
        wire::Scope::Respond => codes::Access::Responder,
        wire::Scope::Admin => codes::Access::Admin,
    }
}

/// What a token opens, with what that includes.
fn scopes(access: codes::Access) -> Vec<wire::Scope> {
    use wire::Scope::{Admin, Ingest, Read, Respond};
    match access {
        codes::Access::Viewer => vec![Read],
        codes::Access::Responder => vec![Read, Respond],
        codes::Access::Admin => vec![Read, Respond, Admin],
        codes::Access::Ingest => vec![Ingest],
    }
}

pub(crate) fn user(view: UserView) -> wire::User {
    let UserView {
        id,
        user:
            UserRow {
                name,
                email,
                role: may,
                matchers,
                enabled,
                password,
                issuer: _,
                subject,
                // These are the user's own affair.
                language: _,
                time_zone: _,
                theme: _,
                created_at,
                last_sign_in_at,
            },
    } = view;
    wire::User {
        id,
        name,
        email,
        role: role(may),
        matchers,
        enabled,
        has_password: password.is_some(),
        single_sign_on: subject.is_some(),
        created_at: created_at.to_datetime(),
        last_sign_in_at: last_sign_in_at.map(|time| time.to_datetime()),
    }
}

pub(crate) fn token(view: TokenView) -> wire::Token {
    let TokenView {
        id,
        token:
            TokenRow {
                name,
                secret: _,
                hint,
                access,
                source,
                matchers,
                created_at,
                created_by,
                expires_at,
                used_at,
                revoked_at,
            },
    } = view;
    wire::Token {
        id,
        name,
        hint,
        scopes: scopes(access),
        role: access.role().map(role),
        source,
        matchers,
        created_at: created_at.to_datetime(),
        created_by,
        expires_at: expires_at.map(|time| time.to_datetime()),
        last_used_at: used_at.map(|time| time.to_datetime()),
        revoked_at: revoked_at.map(|time| time.to_datetime()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_lead_back_to_what_they_open() {
        use codes::Access;
        for access in [
            Access::Viewer,
            Access::Responder,
            Access::Admin,
            Access::Ingest,
        ] {
            let greatest = scopes(access).into_iter().map(access_of).max();
            assert_eq!(greatest, Some(access));
        }
    }
}
