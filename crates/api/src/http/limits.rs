//! Rate limits (GCRA). Webhooks have none, because senders do not retry after a 429.
//!
//! Limits apply to each process: several replicas together accept more.

use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::caller::Caller;
use super::problem::ApiError;
use crate::config;

/// Rate limits for callers, IP addresses and sign-ins. `None` disables a limit.
pub(crate) struct Limits {
    callers: Option<Limiter<CallerKey>>,
    addresses: Option<Limiter<IpAddr>>,
    sign_ins: Option<Limiter<IpAddr>>,
}

/// Key of a user or token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum CallerKey {
    /// A user or token in the database.
    Id(tocsin_storage::enums::ActorKind, i64),
    /// A token in the settings.
    Name(String),
    /// All callers beyond the maximum together.
    Others,
}

impl Limits {
    pub(crate) fn new(settings: &config::Limits) -> Self {
        let config::Limits {
            requests_per_second,
            burst,
            sign_ins_per_minute,
        } = settings;
        let burst = NonZeroU32::new(*burst).unwrap_or(NonZeroU32::MIN);
        let requests = NonZeroU32::new(*requests_per_second)
            .map(|each_second| Quota::per_second(each_second).allow_burst(burst));
        let sign_ins = NonZeroU32::new(*sign_ins_per_minute).map(Quota::per_minute);
        Self {
            callers: requests.map(|quota| Limiter::new(quota, CallerKey::Others)),
            addresses: requests.map(|quota| Limiter::new(quota, OTHERS)),
            sign_ins: sign_ins.map(|quota| Limiter::new(quota, OTHERS)),
        }
    }

    /// Counts a request from an IP address.
    ///
    /// # Errors
    /// [`TooManyRequests`](super::problem::ProblemKind::TooManyRequests).
    pub(crate) fn address(&self, address: Option<IpAddr>) -> Result<(), ApiError> {
        let limiter = self.addresses.as_ref();
        limiter.map_or(Ok(()), |limiter| {
            limiter.count(&address_key(address)).map_err(|wait| {
                ApiError::too_many(
                    "Too many requests from this IP address (limits.requests_per_second). Try again later.",
                    wait,
                )
            })
        })
    }

    /// Counts a request of an authenticated caller.
    ///
    /// # Errors
    /// [`TooManyRequests`](super::problem::ProblemKind::TooManyRequests).
    pub(crate) fn caller(&self, caller: &Caller) -> Result<(), ApiError> {
        let Some(limiter) = &self.callers else {
            return Ok(());
        };
        let actor = &caller.actor;
        let key = match actor.id {
            Some(id) => CallerKey::Id(actor.kind, id),
            None => CallerKey::Name(actor.name.clone()),
        };
        limiter.count(&key).map_err(|wait| {
            ApiError::too_many(
                "Too many requests (limits.requests_per_second). Try again later.",
                wait,
            )
        })
    }

    /// Counts a sign-in attempt from an IP address.
    ///
    /// # Errors
    /// [`TooManyRequests`](super::problem::ProblemKind::TooManyRequests).
    pub(crate) fn sign_in(&self, address: Option<IpAddr>) -> Result<(), ApiError> {
        let limiter = self.sign_ins.as_ref();
        limiter.map_or(Ok(()), |limiter| {
            limiter.count(&address_key(address)).map_err(|wait| {
                ApiError::too_many(
                    "Too many sign-in attempts from this IP address. Try again later.",
                    wait,
                )
            })
        })
    }
}

/// Reduces an IPv6 address to its /64 network, because a single customer has a whole network.
fn address_key(address: Option<IpAddr>) -> IpAddr {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(address)) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        Some(address) => address,
        None => OTHERS,
    }
}

/// Key of unknown addresses, and of all addresses beyond the maximum.
const OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Maximum number of separate keys: about 10 MB.
const MAX_KEYS: usize = 100_000;

/// Minimum number of keys before expired ones are removed.
const MIN_SWEEP: usize = 1_000;

/// Rate limiter with a bounded number of keys.
struct Limiter<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, DefaultClock>,
    clock: DefaultClock,
    /// Key of all callers beyond the maximum.
    others: K,
    /// Number of keys at which expired ones are removed next.
    sweep_at: std::sync::atomic::AtomicUsize,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(quota: Quota, others: K) -> Self {
        let clock = DefaultClock::default();
        Self {
            limiter: RateLimiter::new(quota, DashMapStateStore::default(), clock.clone()),
            clock,
            others,
            sweep_at: MIN_SWEEP.into(),
        }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// The time until the next request is allowed.
    fn count(&self, key: &K) -> Result<(), Duration> {
        let key = if self.is_full() { &self.others } else { key };
        self.limiter
            .check_key(key)
            .map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// Whether the maximum number of keys is reached. Expired keys are removed whenever the
    /// number has doubled.
    fn is_full(&self) -> bool {
        use std::sync::atomic::Ordering::Relaxed;
        let count = self.limiter.len();
        if count < self.sweep_at.load(Relaxed) {
            return false;
        }
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
        let count = self.limiter.len();
        let next = count.saturating_mul(2).clamp(MIN_SWEEP, MAX_KEYS);
        self.sweep_at.store(next, Relaxed);
        count >= MAX_KEYS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::ResponseError;
    use actix_web::http::header;

    fn limits(requests_per_second: u32, burst: u32, sign_ins_per_minute: u32) -> Limits {
        Limits::new(&config::Limits {
            requests_per_second,
            burst,
            sign_ins_per_minute,
        })
    }

    fn at(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn sign_in_attempts_are_limited_by_address() {
        let limits = limits(0, 1, 2);
        for _ in 0..2 {
            assert!(limits.sign_in(at("192.0.2.1")).is_ok());
        }
        let rejected = limits
            .sign_in(at("192.0.2.1"))
            .unwrap_err()
            .error_response();
        assert_eq!(rejected.status(), 429);
        let wait: u64 = rejected
            .headers()
            .get(header::RETRY_AFTER)
            .unwrap()
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
        assert!(limits.sign_in(at("192.0.2.2")).is_ok());
        // Requests are not limited here.
        for _ in 0..100 {
            assert!(limits.address(at("192.0.2.1")).is_ok());
            assert!(limits.caller(&Caller::anonymous(None)).is_ok());
        }
    }

    #[test]
    fn addresses_of_an_ipv6_network_share_a_limit() {
        let limits = limits(1, 1, 0);
        assert!(limits.address(at("2001:db8:1:2::1")).is_ok());
        assert!(limits.address(at("2001:db8:1:2:ffff::9")).is_err());
        assert!(limits.address(at("2001:db8:1:3::1")).is_ok());
        assert!(limits.address(at("::ffff:192.0.2.1")).is_ok());
        assert!(limits.address(at("192.0.2.1")).is_err());
        for _ in 0..100 {
            assert!(
                limits.sign_in(at("192.0.2.1")).is_ok(),
                "0 disables the limit"
            );
        }
    }

    #[test]
    fn tokens_and_users_with_the_same_id_have_separate_limits() {
        use tocsin_storage::enums::ActorKind;
        let limits = limits(1, 1, 0);
        let caller = |kind, id| {
            let mut caller = Caller::anonymous(None);
            (caller.actor.kind, caller.actor.id) = (kind, id);
            caller
        };
        assert!(limits.caller(&caller(ActorKind::User, Some(1))).is_ok());
        assert!(limits.caller(&caller(ActorKind::Token, Some(1))).is_ok());
        assert!(limits.caller(&caller(ActorKind::Token, None)).is_ok());
        assert!(limits.caller(&caller(ActorKind::User, Some(1))).is_err());
    }

    #[test]
    fn number_of_keys_is_bounded() {
        // A quota that is not replenished during the test.
        let quota = Quota::per_hour(NonZeroU32::MIN);
        let limiter = Limiter::new(quota, OTHERS);
        let mut rejected = 0;
        for number in 0..u32::try_from(MAX_KEYS).unwrap() + 1_000 {
            let address = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number));
            rejected += u32::from(limiter.count(&address).is_err());
        }
        assert!(limiter.limiter.len() <= MAX_KEYS + 1);
        assert_eq!(rejected, 999, "the others share one quota");
    }
}
