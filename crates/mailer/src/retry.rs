//! Delays before the next attempt.

use std::time::Duration;

/// Maximum number of attempts for one mail before it is `failed`. With [`backoff`] that is about
/// two days: a weekend's outage of a mail server, and about as long as mail servers themselves
/// retry.
pub const MAX_ATTEMPTS: u32 = 20;

/// Delays after the first, second … attempt of one mail, in seconds.
const TABLE: [u64; 10] = [10, 30, 60, 120, 300, 600, 1_200, 3_600, 7_200, 14_400];

/// Delay after the `attempt`-th attempt (from 1) of one mail ended in
/// [`SendError::TryLater`](crate::SendError::TryLater).
///
/// | after attempt | wait   | since the first |
/// | ------------- | ------ | --------------- |
/// | 1             | 10 s   | 10 s            |
/// | 2             | 30 s   | 40 s            |
/// | 3             | 1 min  | 1 min 40 s      |
/// | 4             | 2 min  | 3 min 40 s      |
/// | 5             | 5 min  | 8 min 40 s      |
/// | 6             | 10 min | 18 min 40 s     |
/// | 7             | 20 min | 38 min 40 s     |
/// | 8             | 1 h    | 1 h 39 min      |
/// | 9             | 2 h    | 3 h 39 min      |
/// | 10 and later  | 4 h    | + 4 h each      |
///
/// The steps around five minutes are close together because of greylisting.
///
/// `jitter` in 0.0 ..= 1.0 is from the caller's random source and adds up to a fifth, so that mails
/// that failed together are not retried together.
#[must_use]
pub fn backoff(attempt: u32, jitter: f64) -> Duration {
    let index = (attempt.max(1) - 1) as usize;
    let seconds = TABLE[index.min(TABLE.len() - 1)];
    stretch(Duration::from_secs(seconds), jitter)
}

/// Pause of the worker after the `failures`-th (from 1) consecutive
/// [`SendError::Unavailable`](crate::SendError::Unavailable).
///
/// | after failure | pause |
/// | ------------- | ----- |
/// | 1             | 5 s   |
/// | 2             | 10 s  |
/// | 3             | 20 s  |
/// | 4             | 40 s  |
/// | 5             | 80 s  |
/// | 6             | 160 s |
/// | 7 and later   | 5 min |
///
/// At most five minutes, so that mails are sent soon after the server is available again.
#[must_use]
pub fn pause(failures: u32, jitter: f64) -> Duration {
    let doublings = (failures.max(1) - 1).min(6);
    let seconds = (5_u64 << doublings).min(300);
    stretch(Duration::from_secs(seconds), jitter)
}

/// Adds up to a fifth; a jitter out of range counts as the nearest valid one.
fn stretch(wait: Duration, jitter: f64) -> Duration {
    let jitter = if jitter.is_nan() {
        0.0
    } else {
        jitter.clamp(0.0, 1.0)
    };
    wait.mul_f64(1.0 + jitter / 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_from_seconds_to_hours() {
        assert_eq!(backoff(0, 0.0), Duration::from_secs(10));
        assert_eq!(backoff(1, 0.0), Duration::from_secs(10));
        assert_eq!(backoff(1, 1.0), Duration::from_secs(12));
        assert_eq!(backoff(10, 0.0), Duration::from_secs(4 * 3600));
        assert_eq!(backoff(u32::MAX, 0.0), Duration::from_secs(4 * 3600));
        for attempt in 1..20 {
            assert!(backoff(attempt, 0.0) <= backoff(attempt + 1, 0.0));
        }
        let total: Duration = (1..MAX_ATTEMPTS).map(|n| backoff(n, 0.0)).sum();
        assert!(total > Duration::from_secs(40 * 3600), "{total:?}");
        assert!(total < Duration::from_secs(50 * 3600), "{total:?}");
    }

    #[test]
    fn the_worker_never_pauses_longer_than_six_minutes() {
        assert_eq!(pause(0, 0.0), Duration::from_secs(5));
        assert_eq!(pause(1, 0.0), Duration::from_secs(5));
        assert_eq!(pause(6, 0.0), Duration::from_secs(160));
        assert_eq!(pause(7, 0.0), Duration::from_secs(300));
        assert_eq!(pause(u32::MAX, 1.0), Duration::from_secs(360));
    }

    #[test]
    fn any_jitter_is_valid() {
        for jitter in [f64::NAN, f64::INFINITY, -1.0, 7.0] {
            assert!(backoff(1, jitter) <= Duration::from_secs(12));
        }
    }
}
