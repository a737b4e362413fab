//! The tokens of the settings, beside those of the database.

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use tocsin_core::visibility::Visibility;
use tocsin_pipeline::Actor;
use tocsin_storage::enums::{ActorKind, Role};

use super::caller::Caller;
use super::client_ip::Origin;
use crate::config::{Settings, SourceName};

/// The tokens of the settings, as digests: all of one length, so that comparing
/// them in constant time does not tell a secret's length.
#[derive(Debug)]
pub(crate) struct StaticTokens(Vec<(Digest, StaticToken)>);

pub(super) type Digest = [u8; 32];

/// A token of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StaticToken {
    name: String,
    opens: Grants,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Grants {
    /// The webhook, for a source or any.
    Webhook(Option<SourceName>),
    /// What a role may do.
    Role(Role),
}

impl StaticTokens {
    pub(crate) fn of(settings: &Settings) -> Self {
        let digest =
            |secret: &tocsin_mailer::Secret| *blake3::hash(secret.reveal().as_bytes()).as_bytes();
        let senders = settings.tokens.iter().map(|(name, token, source)| {
            let opens = Grants::Webhook(source.clone());
            let name = name.clone();
            (digest(token), StaticToken { name, opens })
        });
        let others = settings.auth.tokens.iter().map(|(name, token, role)| {
            let opens = Grants::Role(*role);
            let name = name.clone();
            (digest(token), StaticToken { name, opens })
        });
        Self(senders.chain(others).collect())
    }

    /// Whether one of them opens the webhook.
    pub(super) fn has_sender(&self) -> bool {
        let opens_webhook = |known: &StaticToken| matches!(known.opens, Grants::Webhook(_));
        self.0.iter().any(|(_, known)| opens_webhook(known))
    }

    /// Compares with every secret, without stopping at the one that fits.
    pub(super) fn find(&self, shown: &Digest) -> Option<&StaticToken> {
        let mut found = Choice::from(0);
        let mut place = 0u64;
        for (index, (token, _)) in (1u64..).zip(&self.0) {
            let same = token.ct_eq(shown);
            place.conditional_assign(&index, same);
            found |= same;
        }
        if !bool::from(found) {
            return None;
        }
        let index = usize::try_from(place).ok()?.checked_sub(1)?;
        self.0.get(index).map(|(_, known)| known)
    }
}

impl StaticToken {
    pub(super) fn caller(&self, origin: Origin) -> Caller {
        let (role, source) = match &self.opens {
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

    fn provisioned(tokens: &[(&str, Option<&str>)]) -> StaticTokens {
        let of = |(token, source): &(&str, Option<&str>)| {
            let source = source.map(|name| SourceName::try_from(name.to_owned()).unwrap());
            let known = StaticToken {
                name: (*token).to_owned(),
                opens: Grants::Webhook(source),
            };
            (*blake3::hash(token.as_bytes()).as_bytes(), known)
        };
        StaticTokens(tokens.iter().map(of).collect())
    }

    #[test]
    fn tokens_of_the_settings_are_told_apart() {
        let all = provisioned(&[("free", None), ("bound", Some("prod"))]);
        let find = |token: &str| all.find(blake3::hash(token.as_bytes()).as_bytes());
        let source = |known: &StaticToken| match &known.opens {
            Grants::Webhook(source) => source.as_ref().map(|name| name.as_str().to_owned()),
            Grants::Role(_) => None,
        };
        assert_eq!(find("free").map(source), Some(None));
        assert_eq!(find("bound").map(source), Some(Some("prod".to_owned())));
        for wrong in ["", "fre", "freee", "FREE"] {
            assert_eq!(find(wrong), None, "{wrong:?}");
        }
        assert!(all.has_sender());
        assert!(!provisioned(&[]).has_sender());
    }
}
