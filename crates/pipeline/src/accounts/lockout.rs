//! Lockout: after too many failed sign-ins, an account is locked for a growing time.
//!
//! Failures are counted by e-mail address, whether the account exists or not, so that a
//! lock does not reveal it.

use std::time::Duration;

use tocsin_core::search::fold;
use tocsin_core::time::Timestamp;
use tocsin_storage::accounts::{self, Failures};
use tocsin_storage::{Reads, StorageError, Tx};

/// Number of failures that triggers the first lock.
const LOCK_THRESHOLD: i64 = 5;

/// Duration of the first lock; each further failure doubles it.
const FIRST_LOCK: Duration = Duration::from_secs(30);

/// Longest duration of a lock.
const MAX_LOCK: Duration = Duration::from_secs(15 * 60);

/// Time without failures after which the count is reset.
const RESET_AFTER: Duration = Duration::from_secs(86_400);

/// Key of the failure count: hash of the e-mail address in lower case.
pub(super) fn account(email: &str) -> [u8; 32] {
    blake3::derive_key(
        "tocsin 2026 account of failed sign-ins",
        fold(email.trim()).as_bytes(),
    )
}

/// Returns the remaining duration of the lock.
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

/// Counts a failure. Returns the end of the lock if this failure locks the account.
pub(super) async fn record_failure(
    tx: &Tx,
    account: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Timestamp>, StorageError> {
    let before = match accounts::failure_of(tx, account).await? {
        Some(Failures { failed_at, .. }) if now.since(failed_at) > RESET_AFTER => {
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

/// Duration of the lock after `count` failures in a row.
fn lock(count: i64) -> Option<Duration> {
    let doublings = u32::try_from(count.checked_sub(LOCK_THRESHOLD)?).ok()?;
    let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
    Some(FIRST_LOCK.saturating_mul(factor).min(MAX_LOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_duration_doubles_up_to_the_maximum() {
        let seconds: Vec<_> = (1..=12)
            .map(|count| lock(count).map_or(0, |span| span.as_secs()))
            .collect();
        assert_eq!(seconds, [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(lock(i64::MAX), None);
        assert_eq!(lock(1_000), Some(MAX_LOCK));
    }

    #[test]
    fn account_key_ignores_case() {
        assert_eq!(account(" Ops@Example.com"), account("ops@example.COM "));
        assert_ne!(account("ops@example.com"), account("ops@example.org"));
    }
}
