//! How much one caller may ask for. Webhooks know no such limits: a sender does
//! not repeat what it was told to come back for with 429.
//!
//! Each has an allowance that fills up steadily (GCRA). The counts are those of
//! this process; several replicas allow so much each.

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

/// What is counted.
pub(crate) struct Limits {
    callers: Option<Counts<Who>>,
    addresses: Option<Counts<IpAddr>>,
    sign_ins: Option<Counts<IpAddr>>,
}

/// A user or token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    /// By kind and number.
    Numbered(tocsin_storage::enums::ActorKind, i64),
    /// A token of the settings.
    Named(String),
    /// Of too many, all further ones together.
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
        let reading = NonZeroU32::new(*requests_per_second)
            .map(|each_second| Quota::per_second(each_second).allow_burst(burst));
        let sign_ins = NonZeroU32::new(*sign_ins_per_minute).map(Quota::per_minute);
        Self {
            callers: reading.map(|quota| Counts::new(quota, Who::Others)),
            addresses: reading.map(|quota| Counts::new(quota, OTHERS)),
            sign_ins: sign_ins.map(|quota| Counts::new(quota, OTHERS)),
        }
    }

    /// Counts a request of an address.
    ///
    /// # Errors
    /// [`Kind::TooManyRequests`](super::problem::Kind::TooManyRequests).
    pub(crate) fn address(&self, address: Option<IpAddr>) -> Result<(), ApiError> {
        let counts = self.addresses.as_ref();
        counts.map_or(Ok(()), |counts| {
            counts.count(&one_place(address)).map_err(|wait| {
                ApiError::too_many(
                    "This address asks for too much (limits.requests_per_second); come back later.",
                    wait,
                )
            })
        })
    }

    /// Counts a request of somebody who is signed in.
    ///
    /// # Errors
    /// [`Kind::TooManyRequests`](super::problem::Kind::TooManyRequests).
    pub(crate) fn caller(&self, caller: &Caller) -> Result<(), ApiError> {
        let Some(counts) = &self.callers else {
            return Ok(());
        };
        let actor = &caller.actor;
        let who = match actor.id {
            Some(id) => Who::Numbered(actor.kind, id),
            None => Who::Named(actor.name.clone()),
        };
        counts.count(&who).map_err(|wait| {
            ApiError::too_many(
                "You ask for too much (limits.requests_per_second); come back later.",
                wait,
            )
        })
    }

    /// Counts an attempt to sign in.
    ///
    /// # Errors
    /// [`Kind::TooManyRequests`](super::problem::Kind::TooManyRequests).
    pub(crate) fn sign_in(&self, address: Option<IpAddr>) -> Result<(), ApiError> {
        let counts = self.sign_ins.as_ref();
        counts.map_or(Ok(()), |counts| {
            counts.count(&one_place(address)).map_err(|wait| {
                ApiError::too_many(
                    "Too many attempts to sign in came from this address; try again later.",
                    wait,
                )
            })
        })
    }
}

/// One customer of a provider has a whole network of IPv6 addresses.
fn one_place(address: Option<IpAddr>) -> IpAddr {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(address)) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        Some(address) => address,
        None => OTHERS,
    }
}

/// Nobody's address.
const OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The most that are counted one by one: some 10 MB.
const AT_MOST: usize = 100_000;

/// So many are worth looking through for those whose allowance is full again.
const WORTH_SWEEPING: usize = 1_000;

/// Allowances, by whose they are.
struct Counts<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, DefaultClock>,
    clock: DefaultClock,
    /// Who stands for all that are too many.
    others: K,
    /// As many keys as there may be until it is looked through again.
    sweep_at: std::sync::atomic::AtomicUsize,
}

impl<K: Hash + Eq + Clone> Counts<K> {
    fn new(quota: Quota, others: K) -> Self {
        let clock = DefaultClock::default();
        Self {
            limiter: RateLimiter::new(quota, DashMapStateStore::default(), clock.clone()),
            clock,
            others,
            sweep_at: WORTH_SWEEPING.into(),
        }
    }

    /// # Errors
    /// How long it takes until one more is allowed.
    fn count(&self, key: &K) -> Result<(), Duration> {
        let key = if self.is_full() { &self.others } else { key };
        self.limiter
            .check_key(key)
            .map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// Whether there are too many, even without those whose allowance is full:
    /// these are forgotten whenever the number has doubled.
    fn is_full(&self) -> bool {
        use std::sync::atomic::Ordering::Relaxed;
        let count = self.limiter.len();
        if count < self.sweep_at.load(Relaxed) {
            return false;
        }
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
        let count = self.limiter.len();
        let next = count.saturating_mul(2).clamp(WORTH_SWEEPING, AT_MOST);
        self.sweep_at.store(next, Relaxed);
        count >= AT_MOST
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
    fn an_address_has_so_many_attempts_and_is_told_when_to_come_back() {
        let limits = limits(0, 1, 2);
        for _ in 0..2 {
            assert!(limits.sign_in(at("192.0.2.1")).is_ok());
        }
        let refused = limits
            .sign_in(at("192.0.2.1"))
            .unwrap_err()
            .error_response();
        assert_eq!(refused.status(), 429);
        let wait: u64 = refused
            .headers()
            .get(header::RETRY_AFTER)
            .unwrap()
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
        assert!(limits.sign_in(at("192.0.2.2")).is_ok());
        // Reading is not limited here.
        for _ in 0..100 {
            assert!(limits.address(at("192.0.2.1")).is_ok());
            assert!(limits.caller(&Caller::anonymous(None)).is_ok());
        }
    }

    #[test]
    fn neighbours_in_a_customers_network_count_together() {
        let limits = limits(1, 1, 0);
        assert!(limits.address(at("2001:db8:1:2::1")).is_ok());
        assert!(limits.address(at("2001:db8:1:2:ffff::9")).is_err());
        assert!(limits.address(at("2001:db8:1:3::1")).is_ok());
        assert!(limits.address(at("::ffff:192.0.2.1")).is_ok());
        assert!(limits.address(at("192.0.2.1")).is_err());
        for _ in 0..100 {
            assert!(limits.sign_in(at("192.0.2.1")).is_ok(), "0 is no limit");
        }
    }

    #[test]
    fn tokens_and_users_of_one_number_count_apart() {
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
    fn memory_is_bounded_whoever_comes() {
        // An allowance that does not fill up within the test.
        let quota = Quota::per_hour(NonZeroU32::MIN);
        let counts = Counts::new(quota, OTHERS);
        let mut refused = 0;
        for number in 0..u32::try_from(AT_MOST).unwrap() + 1_000 {
            let address = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number));
            refused += u32::from(counts.count(&address).is_err());
        }
        assert!(counts.limiter.len() <= AT_MOST + 1);
        assert_eq!(refused, 999, "the others share one allowance");
    }
}
