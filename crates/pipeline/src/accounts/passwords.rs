//! Passwords: how they are stored and compared.
//!
//! Argon2id by the figures of OWASP's cheat sheet for password storage (19 MiB,
//! two passes, one lane): some 40 ms of a core for each guess. So hashes are
//! reckoned on threads that may block, two at once, which bounds the memory too;
//! a few more wait, and past that callers are sent away at once.

use std::sync::Arc;

use argon2::password_hash::rand_core::{OsRng, RngCore as _};
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The fewest characters of a password.
pub const MIN_PASSWORD_CHARS: usize = 10;

/// The most bytes of a password: more costs time and guards nothing.
pub const MAX_PASSWORD_BYTES: usize = 1_024;

/// OWASP: 19 MiB,
const MEMORY_KIB: u32 = 19_456;
/// two passes,
const PASSES: u32 = 2;
/// one lane.
const LANES: u32 = 1;

/// Hashes that are reckoned at once.
const AT_ONCE: usize = 2;

/// Hashes that wait for their turn: at some 40 ms each, two at once, the last
/// one waits for less than a second.
const WAITING: usize = 32;

/// Of no password at all, with the parameters of all others: what is compared
/// where there is no account, so that it takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
                      c29tZSBzYWx0IG9mIG9ubw$qkSgbl8ZBVN0eVXKGyB8DQG2Jd5ZXM4GZWxiZHQbLnU";

/// Too many hashes wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy;

/// What became of comparing a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PasswordCheck {
    /// It is the password. `Some`: the hash to store in place of the old one,
    /// whose parameters are not today's.
    Right(Option<String>),
    /// It is another.
    Wrong,
}

/// Reckons hashes, a few at once.
#[derive(Clone, Debug)]
pub(super) struct Hasher {
    waiting: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    /// How many were reckoned, for the tests that nothing is left out.
    #[cfg(test)]
    pub(super) reckoned: Arc<std::sync::atomic::AtomicUsize>,
}

/// The right to reckon hashes, one after another. Threads that reckon share it,
/// so that it lasts as long as they do, whoever stopped waiting for them.
#[derive(Debug)]
pub(super) struct HashPermit {
    held: Arc<Held>,
    #[cfg(test)]
    reckoned: Arc<std::sync::atomic::AtomicUsize>,
}

#[derive(Debug)]
struct Held {
    _turn: OwnedSemaphorePermit,
    _waiting: OwnedSemaphorePermit,
}

impl Hasher {
    pub(super) fn new() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            #[cfg(test)]
            reckoned: Arc::default(),
        }
    }

    /// Waits for the right to reckon.
    ///
    /// # Errors
    /// [`Busy`], at once, where too many wait.
    pub(super) async fn turn(&self) -> Result<HashPermit, Busy> {
        let waiting = Arc::clone(&self.waiting);
        let waiting = waiting.try_acquire_owned().map_err(|_| Busy)?;
        // It is never closed.
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        Ok(HashPermit {
            held: Arc::new(Held {
                _turn: turn.map_err(|_| Busy)?,
                _waiting: waiting,
            }),
            #[cfg(test)]
            reckoned: Arc::clone(&self.reckoned),
        })
    }

    /// Takes all turns and all places to wait, for tests.
    #[cfg(test)]
    pub(super) fn fill(&self) -> OwnedSemaphorePermit {
        let all = u32::try_from(AT_ONCE + WAITING).unwrap();
        let waiting = Arc::clone(&self.waiting);
        waiting.try_acquire_many_owned(all).unwrap()
    }
}

impl HashPermit {
    /// The hash of a new password, in the form of a PHC string.
    pub(super) async fn hash(&self, password: &str) -> Result<String, Busy> {
        let password = password.to_owned();
        self.reckon(move || hash(&password)).await?
    }

    /// Whether a password is the one of a stored hash. Without one it takes as
    /// long, and is wrong.
    pub(super) async fn verify(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> Result<PasswordCheck, Busy> {
        let password = password.to_owned();
        let known = stored.is_some();
        let stored = stored.unwrap_or(NOBODY).to_owned();
        let verdict = self.reckon(move || verify(&password, &stored)).await?;
        Ok(if known { verdict } else { PasswordCheck::Wrong })
    }

    async fn reckon<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        #[cfg(test)]
        self.reckoned
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let held = Arc::clone(&self.held);
        blocking(move || {
            let done = work();
            drop(held);
            done
        })
        .await
    }
}

/// A thread that panics or is not to be had is as good as a busy one.
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
    let reckoned = argon().and_then(|argon| {
        let salt = argon2::password_hash::SaltString::encode_b64(&bytes).ok()?;
        let hash = argon.hash_password(password.as_bytes(), &salt).ok()?;
        Some(hash.to_string())
    });
    // Only wrong constants come here.
    reckoned.ok_or(Busy)
}

fn verify(password: &str, stored: &str) -> PasswordCheck {
    let Ok(parsed) = PasswordHash::new(stored) else {
        return PasswordCheck::Wrong;
    };
    // The hash's own parameters are used, which may be of an older version. It
    // compares in constant time.
    if Argon2::default()
        .verify_password(password.as_bytes(), &parsed)
        .is_err()
    {
        return PasswordCheck::Wrong;
    }
    PasswordCheck::Right(match is_of_today(&parsed) {
        true => None,
        false => hash(password).ok(),
    })
}

fn is_of_today(hash: &PasswordHash<'_>) -> bool {
    let params = Params::try_from(hash).ok();
    hash.algorithm == Algorithm::Argon2id.ident()
        && params.is_some_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES)
        })
}

/// Whether a password can be one at all.
///
/// # Errors
/// What is wrong with it, for a person.
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
    async fn a_hash_knows_its_password_only() {
        let hasher = Hasher::new();
        let hash = hasher
            .turn()
            .await
            .unwrap()
            .hash("one of them")
            .await
            .unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        for (password, verdict) in [
            ("one of them", PasswordCheck::Right(None)),
            ("One of them", PasswordCheck::Wrong),
            ("", PasswordCheck::Wrong),
        ] {
            let turn = hasher.turn().await.unwrap();
            assert_eq!(turn.verify(password, Some(&hash)).await, Ok(verdict));
        }
    }

    #[tokio::test]
    async fn a_hash_with_other_parameters_is_made_anew() {
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
        let turn = hasher.turn().await.unwrap();
        let verdict = turn.verify("one of them", Some(&old)).await.unwrap();
        let PasswordCheck::Right(Some(new)) = verdict else {
            panic!("{verdict:?}");
        };
        assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
    }

    #[tokio::test]
    async fn nobody_is_compared_with_the_same_effort() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        assert!(is_of_today(&nobody));
        assert_eq!(nobody.hash.unwrap().len(), 32);
        let hasher = Hasher::new();
        for stored in [None, Some("no hash at all")] {
            let turn = hasher.turn().await.unwrap();
            assert_eq!(turn.verify("", stored).await, Ok(PasswordCheck::Wrong));
        }
        assert_eq!(hasher.reckoned.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_turn_lasts_while_somebody_reckons() {
        let hasher = Hasher::new();
        let (started, starts) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let turn = hasher.turn().await.unwrap();
        let waits = tokio::spawn(async move {
            let work = move || {
                started.send(()).unwrap();
                stopped.recv().is_err()
            };
            turn.reckon(work).await
        });
        tokio::task::spawn_blocking(move || starts.recv().unwrap())
            .await
            .unwrap();
        // The request is gone; its thread is not.
        waits.abort();
        assert!(waits.await.is_err());
        assert_eq!(hasher.turns.available_permits(), AT_ONCE - 1);
        drop(stop);
        while hasher.turns.available_permits() < AT_ONCE {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn past_a_few_that_wait_callers_are_sent_away() {
        let hasher = Hasher::new();
        let all = hasher.fill();
        assert_eq!(hasher.turn().await.err(), Some(Busy));
        drop(all);
        assert!(hasher.turn().await.is_ok());
    }
}
