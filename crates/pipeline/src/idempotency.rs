//! Idempotent creation: a retried request creates one object only (`Idempotency-Key`).

use tocsin_core::time::Timestamp;
use tocsin_storage::Tx;
use tocsin_storage::enums::ActorKind;
use tocsin_storage::idempotency::{self, KeyState};

use crate::{Actor, ChangeError};

/// A request with an idempotency key: a retry creates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// The caller. Equal keys of different callers are different.
    pub caller: String,
    /// Hash of the key.
    pub key: [u8; 32],
    /// Hash of the request: the same key with another request is an error.
    pub request: [u8; 32],
}

/// Result of a request that creates an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created<T> {
    /// The object in its current state.
    pub object: T,
    /// Whether an earlier request with the same key created the object.
    pub replayed: bool,
}

impl<T> Created<T> {
    /// An object that this request created.
    pub(crate) fn now(object: T) -> Self {
        Self {
            object,
            replayed: false,
        }
    }
}

impl IdempotentRequest {
    /// Creates the key of the request `parts` by `actor`.
    ///
    /// A request may contain a password, so its hash is keyed with the idempotency key,
    /// which only the caller has. The stored row cannot be used to test passwords,
    /// unless the key can be guessed.
    #[must_use]
    pub fn new(actor: &Actor, key: &str, parts: &[&[u8]]) -> Self {
        let secret =
            blake3::derive_key("tocsin 2026 request of an idempotency key", key.as_bytes());
        let mut request = blake3::Hasher::new_keyed(&secret);
        for part in parts {
            // Parts are prefixed with their length, so that different requests never
            // hash the same bytes.
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
            // A token from the settings file has no ID.
            caller: match actor.id {
                Some(id) => format!("{kind} {id}"),
                None => format!("{kind} \"{}\"", actor.name),
            },
            key: *blake3::hash(key.as_bytes()).as_bytes(),
            request: *request.finalize().as_bytes(),
        }
    }
}

/// Registers the key. Call this first in the transaction that creates the object, after
/// the lock that serializes such transactions. Returns the ID of the object if an
/// earlier request created it; then create nothing.
///
/// # Errors
/// [`ChangeError::KeyReused`]; [`ChangeError::Storage`] from the database.
pub async fn begin(
    tx: &Tx,
    idempotent: Option<&IdempotentRequest>,
    now: Timestamp,
) -> Result<Option<i64>, ChangeError> {
    let Some(IdempotentRequest {
        caller,
        key,
        request,
    }) = idempotent
    else {
        return Ok(None);
    };
    match idempotency::begin(tx, caller, key, request, now).await? {
        KeyState::New => Ok(None),
        KeyState::Created(id) => Ok(Some(id)),
        KeyState::Different => Err(ChangeError::KeyReused),
    }
}

/// Stores the ID of the created object. Call this in the same transaction.
///
/// # Errors
/// [`ChangeError::Storage`] from the database.
pub async fn finish(
    tx: &Tx,
    idempotent: Option<&IdempotentRequest>,
    id: i64,
) -> Result<(), ChangeError> {
    if let Some(idempotent) = idempotent {
        idempotency::finish(tx, &idempotent.caller, &idempotent.key, id).await?;
    }
    Ok(())
}

/// The result of a retried request: the object in its current state.
///
/// # Errors
/// [`ChangeError::InvalidState`] if the object was deleted since.
pub(crate) fn replay<T>(object: Option<T>, what: &str, id: i64) -> Result<Created<T>, ChangeError> {
    match object {
        Some(object) => Ok(Created {
            object,
            replayed: true,
        }),
        None => Err(ChangeError::InvalidState(format!(
            "This request already created {what} {id}, which was deleted since. To create \
             another one, send a new idempotency key."
        ))),
    }
}
