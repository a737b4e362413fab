//! Stores and verifies passwords.
//!
//! Argon2id with the parameters of OWASP's password storage cheat sheet (19 MiB, two
//! passes, one lane): about 40 ms of CPU time per guess. Hashes are computed on
//! blocking threads, two at a time, which bounds the memory too. A limited number of
//! callers wait; others are rejected immediately.

use std::sync::Arc;

use argon2::password_hash::rand_core::{OsRng, RngCore as _};
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Minimum length of a password in characters.
pub const MIN_PASSWORD_CHARS: usize = 10;

/// Maximum length of a password in bytes: more costs time without adding strength.
pub const MAX_PASSWORD_BYTES: usize = 1_024;

/// OWASP: 19 MiB,
const MEMORY_KIB: u32 = 19_456;
/// two passes,
const PASSES: u32 = 2;
/// one lane.
const LANES: u32 = 1;

/// Hashes that are computed at a time.
const MAX_CONCURRENT: usize = 2;

/// Hashes that may wait: at about 40 ms each, two at a time, the last one waits for
/// less than a second.
const MAX_WAITING: usize = 32;

/// Hash that matches no password, with the parameters of all others. It is verified if
/// there is no account, so that this takes the same time.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
                      c29tZSBzYWx0IG9mIG9ubw$qkSgbl8ZBVN0eVXKGyB8DQG2Jd5ZXM4GZWxiZHQbLnU";

/// Too many hashes are waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy;

/// Result of verifying a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PasswordCheck {
    /// The password is right. `Some`: a new hash to store, because the parameters of
    /// the old one are outdated.
    Right(Option<String>),
    /// The password is wrong.
    Wrong,
}

/// Computes hashes, with limited concurrency.
#[derive(Clone, Debug)]
pub(super) struct Hasher {
    waiting: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// Number of computed hashes, for tests.
    #[cfg(test)]
    pub(super) computed: Arc<std::sync::atomic::AtomicUsize>,
}

/// Permit to compute hashes, one after another. Computing threads share it, so that it
/// is held until they finish, even if the caller stops waiting.
#[derive(Debug)]
pub(super) struct HashPermit {
    permits: Arc<Held>,
    #[cfg(test)]
    computed: Arc<std::sync::atomic::AtomicUsize>,
}

#[derive(Debug)]
struct Held {
    _running: OwnedSemaphorePermit,
    _waiting: OwnedSemaphorePermit,
}

impl Hasher {
    pub(super) fn new() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(MAX_CONCURRENT + MAX_WAITING)),
            running: Arc::new(Semaphore::new(MAX_CONCURRENT)),
            #[cfg(test)]
            computed: Arc::default(),
        }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// [`Busy`], immediately, if too many callers wait.
    pub(super) async fn acquire(&self) -> Result<HashPermit, Busy> {
        let waiting = Arc::clone(&self.waiting);
        let waiting = waiting.try_acquire_owned().map_err(|_| Busy)?;
        // The semaphore is never closed.
        let running = Arc::clone(&self.running).acquire_owned().await;
        Ok(HashPermit {
            permits: Arc::new(Held {
                _running: running.map_err(|_| Busy)?,
                _waiting: waiting,
            }),
            #[cfg(test)]
            computed: Arc::clone(&self.computed),
        })
    }

    /// Takes all permits, for tests.
    #[cfg(test)]
    pub(super) fn fill(&self) -> OwnedSemaphorePermit {
        let all = u32::try_from(MAX_CONCURRENT + MAX_WAITING).unwrap();
        let waiting = Arc::clone(&self.waiting);
        waiting.try_acquire_many_owned(all).unwrap()
    }
}

impl HashPermit {
    /// Computes the hash of a new password as a PHC string.
    pub(super) async fn hash(&self, password: &str) -> Result<String, Busy> {
        let password = password.to_owned();
        self.compute(move || hash(&password)).await?
    }

    /// Verifies a password against a stored hash. Without one it takes the same time
    /// and the result is wrong.
    pub(super) async fn verify(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> Result<PasswordCheck, Busy> {
        let password = password.to_owned();
        let has_hash = stored.is_some();
        let stored = stored.unwrap_or(DUMMY_HASH).to_owned();
        let result = self.compute(move || verify(&password, &stored)).await?;
        Ok(if has_hash {
            result
        } else {
            PasswordCheck::Wrong
        })
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        #[cfg(test)]
        self.computed
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let permits = Arc::clone(&self.permits);
        blocking(move || {
            let result = work();
            drop(permits);
            result
        })
        .await
    }
}

/// A thread that panics or cannot be started counts as busy.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Busy> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a password could not be hashed");
        Busy
    })
}

fn argon() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, Busy> {
    let mut bytes = [0; Salt::RECOMMENDED_LENGTH];
    OsRng.fill_bytes(&mut bytes);
    let hash = argon().and_then(|argon| {
        let salt = argon2::password_hash::SaltString::encode_b64(&bytes).ok()?;
        let hash = argon.hash_password(password.as_bytes(), &salt).ok()?;
        Some(hash.to_string())
    });
    // Fails only if the constants are invalid.
    hash.ok_or(Busy)
}

fn verify(password: &str, stored: &str) -> PasswordCheck {
    let Ok(parsed) = PasswordHash::new(stored) else {
        return PasswordCheck::Wrong;
    };
    // Uses the parameters of the stored hash, which may be those of an older version.
    // The comparison takes constant time.
    if Argon2::default()
        .verify_password(password.as_bytes(), &parsed)
        .is_err()
    {
        return PasswordCheck::Wrong;
    }
    PasswordCheck::Right(match has_current_params(&parsed) {
        true => None,
        false => hash(password).ok(),
    })
}

fn has_current_params(hash: &PasswordHash<'_>) -> bool {
    let params = Params::try_from(hash).ok();
    hash.algorithm == Algorithm::Argon2id.ident()
        && params.is_some_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES)
        })
}

/// Checks the length of a password.
///
/// # Errors
/// A message for the user.
pub(super) fn check_length(password: &str) -> Result<(), String> {
    match password.len() {
        0 => Err("expected a password".to_owned()),
        1..=MAX_PASSWORD_BYTES => Ok(()),
        bytes => Err(format!(
            "expected at most {MAX_PASSWORD_BYTES} bytes, not {bytes}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[tokio::test]
    async fn hash_matches_its_password_only() {
        let hasher = Hasher::new();
        let hash = hasher
            .acquire()
            .await
            .unwrap()
            .hash("one of them")
            .await
            .unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        for (password, expected) in [
            ("one of them", PasswordCheck::Right(None)),
            ("One of them", PasswordCheck::Wrong),
            ("", PasswordCheck::Wrong),
        ] {
            let permit = hasher.acquire().await.unwrap();
            assert_eq!(permit.verify(password, Some(&hash)).await, Ok(expected));
        }
    }

    #[tokio::test]
    async fn hash_with_other_parameters_is_replaced() {
        let weak = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8_192, 1, 1, None).unwrap(),
        );
        let salt = argon2::password_hash::SaltString::encode_b64(&[7; 16]).unwrap();
        let old = weak
            .hash_password(b"one of them", &salt)
            .unwrap()
            .to_string();
        let hasher = Hasher::new();
        let permit = hasher.acquire().await.unwrap();
        let result = permit.verify("one of them", Some(&old)).await.unwrap();
        let PasswordCheck::Right(Some(new)) = result else {
            panic!("{result:?}");
        };
        assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
    }

    #[tokio::test]
    async fn missing_hash_takes_the_same_work() {
        let dummy = PasswordHash::new(DUMMY_HASH).unwrap();
        assert!(has_current_params(&dummy));
        assert_eq!(dummy.hash.unwrap().len(), 32);
        let hasher = Hasher::new();
        for stored in [None, Some("no hash at all")] {
            let permit = hasher.acquire().await.unwrap();
            assert_eq!(permit.verify("", stored).await, Ok(PasswordCheck::Wrong));
        }
        assert_eq!(hasher.computed.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn permit_is_held_while_a_thread_computes() {
        let hasher = Hasher::new();
        let (started, starts) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let permit = hasher.acquire().await.unwrap();
        let request = tokio::spawn(async move {
            let work = move || {
                started.send(()).unwrap();
                stopped.recv().is_err()
            };
            permit.compute(work).await
        });
        tokio::task::spawn_blocking(move || starts.recv().unwrap())
            .await
            .unwrap();
        // The request is canceled, but its thread is still running.
        request.abort();
        assert!(request.await.is_err());
        assert_eq!(hasher.running.available_permits(), MAX_CONCURRENT - 1);
        drop(stop);
        while hasher.running.available_permits() < MAX_CONCURRENT {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn callers_are_rejected_when_too_many_wait() {
        let hasher = Hasher::new();
        let all = hasher.fill();
        assert_eq!(hasher.acquire().await.err(), Some(Busy));
        drop(all);
        assert!(hasher.acquire().await.is_ok());
    }
}
