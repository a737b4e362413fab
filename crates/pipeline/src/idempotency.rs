//! Making an object once, however often the request is sent
//! (`Idempotency-Key`).

use tocsin_core::time::Timestamp;
use tocsin_storage::Tx;
use tocsin_storage::enums::ActorKind;
use tocsin_storage::idempotency::{self, KeyState};

use crate::{Actor, ChangeError};

/// A request that may be sent again and must then make nothing new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// Who sends it: keys of different callers are different.
    pub caller: String,
    /// The hash of the key.
    pub key: [u8; 32],
    /// The hash of the request: the same key with another request is a mistake.
    pub request: [u8; 32],
}

/// What a request that may be sent again made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created<T> {
    /// The object as it is now.
    pub object: T,
    /// An earlier request with the same key made it, and this one nothing.
    pub replayed: bool,
}

impl<T> Created<T> {
    /// What this request made.
    pub(crate) fn now(object: T) -> Self {
        Self {
            object,
            replayed: false,
        }
    }
}

impl IdempotentRequest {
    /// The request `parts` by `actor` with this key.
    ///
    /// A request may hold a password, so its hash is keyed with what only the
    /// caller has: from the stored row nobody can try passwords out, as long as
    /// the key itself cannot be guessed.
    #[must_use]
    pub fn new(actor: &Actor, key: &str, parts: &[&[u8]]) -> Self {
        let secret =
            blake3::derive_key("tocsin 2026 request of an idempotency key", key.as_bytes());
        let mut request = blake3::Hasher::new_keyed(&secret);
        for part in parts {
            // Lengths go before what they count, so that no two requests are
            // written alike.
            request.update(&(part.len() as u64).to_le_bytes());
            request.update(part);
        }
        let kind = match actor.kind {
            ActorKind::User => "user",
            ActorKind::Token => "token",
            ActorKind::CommandLine => "command line",
            ActorKind::Anonymous => "anonymous",
        };
        Self {
            // A token of the settings has no number.
            caller: match actor.id {
                Some(id) => format!("{kind} {id}"),
                None => format!("{kind} \"{}\"", actor.name),
            },
            key: *blake3::hash(key.as_bytes()).as_bytes(),
            request: *request.finalize().as_bytes(),
        }
    }
}

/// To be called first in the transaction that makes the object, after what makes
/// such transactions wait for each other. `Some`: the number of what was made
/// before; nothing is to be made.
///
/// # Errors
/// [`ChangeError::KeyReused`].
pub async fn begin(
    tx: &Tx,
    once: Option<&IdempotentRequest>,
    now: Timestamp,
) -> Result<Option<i64>, ChangeError> {
    let Some(IdempotentRequest {
        caller,
        key,
        request,
    }) = once
    else {
        return Ok(None);
    };
    match idempotency::begin(tx, caller, key, request, now).await? {
        KeyState::New => Ok(None),
        KeyState::Made(id) => Ok(Some(id)),
        KeyState::Different => Err(ChangeError::KeyReused),
    }
}

/// To be called once the object is made, in the same transaction.
///
/// # Errors
/// Whatever the database answers.
pub async fn finish(tx: &Tx, once: Option<&IdempotentRequest>, id: i64) -> Result<(), ChangeError> {
    if let Some(once) = once {
        idempotency::finish(tx, &once.caller, &once.key, id).await?;
    }
    Ok(())
}

/// The answer to a request that was answered before: what it made then, as it is
/// now.
///
/// # Errors
/// [`ChangeError::NotNow`] where it is there no more.
pub(crate) fn made_before<T>(
    object: Option<T>,
    what: &str,
    id: i64,
) -> Result<Created<T>, ChangeError> {
    match object {
        Some(object) => Ok(Created {
            object,
            replayed: true,
        }),
        None => Err(ChangeError::InvalidState(format!(
            "This request was answered before: it made {what} {id}, which is deleted since. To \
             make another, send it with a new key."
        ))),
    }
}
