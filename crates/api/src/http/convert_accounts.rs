//! Conversion of users and tokens to API types.

use tocsin_api_types as wire;
use tocsin_storage::accounts::{TokenRow, TokenView, UserRow, UserView};
use tocsin_storage::enums;

pub(crate) fn role(role: enums::Role) -> wire::Role {
    match role {
        enums::Role::Viewer => wire::Role::Viewer,
        enums::Role::Responder => wire::Role::Responder,
        enums::Role::Admin => wire::Role::Admin,
    }
}

pub(crate) fn role_of(role: wire::Role) -> enums::Role {
    match role {
        wire::Role::Viewer => enums::Role::Viewer,
        wire::Role::Responder => enums::Role::Responder,
        wire::Role::Admin => enums::Role::Admin,
    }
}

pub(crate) fn access_of(scope: wire::Scope) -> enums::Access {
    match scope {
        wire::Scope::Ingest => enums::Access::Ingest,
        wire::Scope::Read => enums::Access::Viewer,
        wire::Scope::Respond => enums::Access::Responder,
        wire::Scope::Admin => enums::Access::Admin,
    }
}

/// Scopes of a token, including implied ones.
fn scopes(access: enums::Access) -> Vec<wire::Scope> {
    use wire::Scope::{Admin, Ingest, Read, Respond};
    match access {
        enums::Access::Viewer => vec![Read],
        enums::Access::Responder => vec![Read, Respond],
        enums::Access::Admin => vec![Read, Respond, Admin],
        enums::Access::Ingest => vec![Ingest],
    }
}

pub(crate) fn user(view: UserView) -> wire::User {
    let UserView {
        id,
        user:
            UserRow {
                name,
                email,
                role: stored_role,
                matchers,
                enabled,
                password,
                issuer: _,
                subject,
                // Personal preferences, visible to the user only.
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
        role: role(stored_role),
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
    fn scopes_round_trip() {
        use enums::Access;
        for access in [
            Access::Viewer,
            Access::Responder,
            Access::Admin,
            Access::Ingest,
        ] {
            let highest = scopes(access).into_iter().map(access_of).max();
            assert_eq!(highest, Some(access));
        }
    }
}
