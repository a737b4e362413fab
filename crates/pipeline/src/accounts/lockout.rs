//! Guessing passwords is slow: an account that is not known by its password too
//! often is locked for a time, which grows.
//!
//! It is counted for each address that somebody signs in with, whether there is
//! such an account or not, so that being locked tells nothing.

use std::time::Duration;

use tocsin_core::search::fold;
use tocsin_core::time::Timestamp;
use tocsin_storage::accounts::{self, Failures};
use tocsin_storage::{Reads, StorageError, Tx};

/// The failure that locks.
const LOCKS_AT: i64 = 5;

/// How long the first lock lasts; each further failure doubles it.
const FIRST: Duration = Duration::from_secs(30);

/// The longest lock.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// When no failure followed for so long, counting begins anew.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(86_400);

/// What failures are counted by: the hash of an address in lower case.
pub(super) fn account(email: &str) -> [u8; 32] {
    blake3::derive_key(
        "tocsin 2026 account of failed sign-ins",
        fold(email.trim()).as_bytes(),
    )
}

/// How much longer an account is locked.
pub(super) async fn locked_for(
    db: &impl Reads,
    account: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Duration>, StorageError> {
    let failures = accounts::failure_of(db, account).await?;
    Ok(failures
        .and_then(|failures| failures.locked_until)
        .map(|until| until.since(now))
        .filter(|left| !left.is_zero()))
}

/// One more failure. Answers until when the account is locked, where this
/// failure locks it.
pub(super) async fn fail(
    tx: &Tx,
    account: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Timestamp>, StorageError> {
    let before = match accounts::failure_of(tx, account).await? {
        Some(Failures { failed_at, .. }) if now.since(failed_at) > FORGOTTEN_AFTER => {
            accounts::forget_failures(tx, account).await?;
            0
        }
        Some(failures) => failures.failures,
        None => 0,
    };
    let until = lock(before + 1).map(|span| now.plus(span));
    accounts::note_failure(tx, account, now, until).await?;
    Ok(until)
}

/// How long the `count`th failure in a row locks.
fn lock(count: i64) -> Option<Duration> {
    let doublings = u32::try_from(count.checked_sub(LOCKS_AT)?).ok()?;
    let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
    Some(FIRST.saturating_mul(factor).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_grow_and_end() {
        let seconds: Vec<_> = (1..=12)
            .map(|count| lock(count).map_or(0, |span| span.as_secs()))
            .collect();
        assert_eq!(seconds, [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(lock(i64::MAX), None);
        assert_eq!(lock(1_000), Some(LONGEST));
    }

    #[test]
    fn an_account_is_the_same_in_any_case() {
        assert_eq!(account(" Ops@Example.com"), account("ops@example.COM "));
        assert_ne!(account("ops@example.com"), account("ops@example.org"));
    }
}
