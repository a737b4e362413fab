//! Tokens in the settings, in addition to those in the database.

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use tocsin_core::visibility::Visibility;
use tocsin_pipeline::Actor;
use tocsin_storage::enums::{ActorKind, Role};

use super::caller::Caller;
use super::client_ip::Origin;
use crate::config::{Settings, SourceName};

/// Tokens in the settings, as digests. All have the same length, so that a comparison in constant
/// time does not leak the length of a secret.
#[derive(Debug)]
pub(crate) struct StaticTokens(Vec<(Digest, StaticToken)>);

pub(super) type Digest = [u8; 32];

/// Token in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StaticToken {
    name: String,
    grants: Grants,
}

/// Permissions of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Grants {
    /// Access to the webhook, for one source or any.
    Webhook(Option<SourceName>),
    /// Permissions of a role.
    Role(Role),
}

impl StaticTokens {
    pub(crate) fn of(settings: &Settings) -> Self {
        let digest =
            |secret: &tocsin_mailer::Secret| *blake3::hash(secret.reveal().as_bytes()).as_bytes();
        let senders = settings.tokens.iter().map(|(name, token, source)| {
            let grants = Grants::Webhook(source.clone());
            let name = name.clone();
            (digest(token), StaticToken { name, grants })
        });
        let others = settings.auth.tokens.iter().map(|(name, token, role)| {
            let grants = Grants::Role(*role);
            let name = name.clone();
            (digest(token), StaticToken { name, grants })
        });
        Self(senders.chain(others).collect())
    }

    /// Whether a token grants access to the webhook.
    pub(super) fn has_sender(&self) -> bool {
        let is_sender = |token: &StaticToken| matches!(token.grants, Grants::Webhook(_));
        self.0.iter().any(|(_, token)| is_sender(token))
    }

    /// Finds a token by its digest, in constant time: compares with all tokens.
    pub(super) fn find(&self, digest: &Digest) -> Option<&StaticToken> {
        let mut found = Choice::from(0);
        let mut position = 0u64;
        for (index, (token, _)) in (1u64..).zip(&self.0) {
            let same = token.ct_eq(digest);
            position.conditional_assign(&index, same);
            found |= same;
        }
        if !bool::from(found) {
            return None;
        }
        let index = usize::try_from(position).ok()?.checked_sub(1)?;
        self.0.get(index).map(|(_, token)| token)
    }
}

impl StaticToken {
    pub(super) fn caller(&self, origin: Origin) -> Caller {
        let (role, source) = match &self.grants {
            Grants::Webhook(source) => (None, source.clone()),
            Grants::Role(role) => (Some(*role), None),
        };
        Caller {
            actor: Actor {
                kind: ActorKind::Token,
                id: None,
                name: self.name.clone(),
                address: origin.client,
            },
            role,
            visibility: Visibility::everything(),
            session_id: None,
            source,
            identity: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn static_tokens(tokens: &[(&str, Option<&str>)]) -> StaticTokens {
        let of = |(token, source): &(&str, Option<&str>)| {
            let source = source.map(|name| SourceName::try_from(name.to_owned()).unwrap());
            let static_token = StaticToken {
                name: (*token).to_owned(),
                grants: Grants::Webhook(source),
            };
            (*blake3::hash(token.as_bytes()).as_bytes(), static_token)
        };
        StaticTokens(tokens.iter().map(of).collect())
    }

    #[test]
    fn static_tokens_are_found_by_secret() {
        let all = static_tokens(&[("free", None), ("bound", Some("prod"))]);
        let find = |token: &str| all.find(blake3::hash(token.as_bytes()).as_bytes());
        let source = |token: &StaticToken| match &token.grants {
            Grants::Webhook(source) => source.as_ref().map(|name| name.as_str().to_owned()),
            Grants::Role(_) => None,
        };
        assert_eq!(find("free").map(source), Some(None));
        assert_eq!(find("bound").map(source), Some(Some("prod".to_owned())));
        for wrong in ["", "fre", "freee", "FREE"] {
            assert_eq!(find(wrong), None, "{wrong:?}");
        }
        assert!(all.has_sender());
        assert!(!static_tokens(&[]).has_sender());
    }
}
