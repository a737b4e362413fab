//! Durations, sizes and addresses as written in the settings.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

use super::ConfigError;

/// A duration: an integer and `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct HumanDuration(pub(crate) Duration);

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
];

impl HumanDuration {
    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl TryFrom<String> for HumanDuration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let expected = || {
            format!(
                "expected a duration such as \"90s\", \"5m\", \"9h\" or \"30d\", found {text:?}"
            )
        };
        let (unit, millis) = UNITS
            .into_iter()
            .find(|(unit, _)| text.trim().ends_with(unit))
            .ok_or_else(expected)?;
        let number: u64 = text
            .trim()
            .trim_end_matches(unit)
            .trim()
            .parse()
            .map_err(|_| expected())?;
        // The limit of a thousand years prevents overflow in sums of times.
        let duration = number
            .checked_mul(millis)
            .filter(|ms| *ms <= 365_250 * 86_400_000);
        duration
            .map(|ms| Self(Duration::from_millis(ms)))
            .ok_or_else(expected)
    }
}

impl From<HumanDuration> for String {
    fn from(duration: HumanDuration) -> String {
        let millis = u64::try_from(duration.0.as_millis()).unwrap_or(u64::MAX);
        let largest = ["d", "h", "m", "s", "ms"].into_iter().find_map(|unit| {
            let (_, size) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
            (millis.is_multiple_of(size) && millis > 0).then(|| format!("{}{unit}", millis / size))
        });
        largest.unwrap_or_else(|| "0s".to_owned())
    }
}

/// A retention period: a duration, or "forever".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct RetentionPeriod(pub(crate) Option<Duration>);

const FOREVER: &str = "forever";

impl RetentionPeriod {
    pub(crate) const FOREVER: Self = Self(None);

    pub(crate) const fn days(days: u64) -> Self {
        Self(Some(Duration::from_secs(days * 86_400)))
    }
}

impl TryFrom<String> for RetentionPeriod {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.trim() == FOREVER {
            return Ok(Self::FOREVER);
        }
        match HumanDuration::try_from(text.clone()) {
            Ok(HumanDuration(duration)) => Ok(Self(Some(duration))),
            Err(_) => Err(format!(
                "expected a duration such as \"30d\", or \"{FOREVER}\", found {text:?}"
            )),
        }
    }
}

impl From<RetentionPeriod> for String {
    fn from(keep: RetentionPeriod) -> String {
        keep.0.map_or_else(
            || FOREVER.to_owned(),
            |duration| HumanDuration(duration).into(),
        )
    }
}

/// A size in bytes, with `KiB`, `MiB`, `GiB`, or no unit for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SizeText", into = "String")]
pub(crate) struct ByteSize(pub(crate) u64);

/// A size may also be an integer.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a size such as \"16MiB\" or a number of bytes"
)]
enum SizeText {
    Number(u64),
    Text(String),
}

const SIZES: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl ByteSize {
    pub(crate) const fn mib(number: u64) -> Self {
        Self(number << 20)
    }

    /// The size in memory.
    pub(crate) fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl TryFrom<SizeText> for ByteSize {
    type Error = String;

    fn try_from(size: SizeText) -> Result<Self, String> {
        let text = match size {
            SizeText::Number(bytes) => return Ok(Self(bytes)),
            SizeText::Text(text) => text,
        };
        let (number, size) = SIZES
            .into_iter()
            .find_map(|(unit, size)| Some((text.trim().strip_suffix(unit)?, size)))
            .unwrap_or((text.trim(), 1));
        let number: Option<u64> = number.trim().parse().ok();
        number
            .and_then(|number| number.checked_mul(size))
            .map(Self)
            .ok_or_else(|| {
                format!("expected a size such as \"16MiB\" or a number of bytes, found {text:?}")
            })
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> String {
        let fitting = SIZES
            .into_iter()
            .find(|(_, unit)| size.0 > 0 && size.0.is_multiple_of(*unit));
        fitting.map_or_else(
            || "0".to_owned(),
            |(name, unit)| format!("{}{name}", size.0 / unit),
        )
    }
}

/// Address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct BindAddress(pub(crate) SocketAddr);

impl BindAddress {
    /// Whether it is reachable from this machine only.
    pub(crate) fn is_loopback(self) -> bool {
        self.0.ip().to_canonical().is_loopback()
    }
}

impl TryFrom<String> for BindAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        SocketAddr::from_str(text.trim()).map(Self).map_err(|_| {
            format!("expected an IP address and a port such as \"127.0.0.1:8080\" or \"[::]:8080\", found {text:?}")
        })
    }
}

impl From<BindAddress> for String {
    fn from(listen: BindAddress) -> String {
        listen.0.to_string()
    }
}

/// An IP address or a network of other machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Cidr(pub(crate) IpNet);

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        let one = text
            .parse::<IpAddr>()
            .map(|address| IpNet::from(address.to_canonical()));
        one.or_else(|_| text.parse::<IpNet>())
            .map(|network| Self(network.trunc()))
            .map_err(|_| {
                format!(
                    "expected an IP address or a network such as \"10.0.0.0/8\", found {text:?}"
                )
            })
    }
}

impl From<Cidr> for String {
    fn from(network: Cidr) -> String {
        network.0.to_string()
    }
}

/// Converts the networks. None may be the whole internet, because their members are trusted.
///
/// # Errors
/// A network contains all addresses.
pub(super) fn trusted_networks(key: &str, networks: &[Cidr]) -> Result<Vec<IpNet>, ConfigError> {
    match networks.iter().position(|Cidr(net)| net.prefix_len() == 0) {
        Some(index) => Err(ConfigError::new(
            format!("{key}[{index}]"),
            "expected the proxies only; this network contains all addresses, so that any client could forge the headers",
        )),
        None => Ok(networks.iter().map(|Cidr(net)| *net).collect()),
    }
}

/// Public URL of the server: http or https. Its path ends in a slash, so that joining to it keeps
/// the prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct PublicUrl(Url);

impl PublicUrl {
    /// The URL.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// The path, which begins and ends with a slash.
    pub(crate) fn path(&self) -> &str {
        self.0.path()
    }

    /// Scheme, host and port as browsers send them in `Origin`.
    pub(crate) fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let expected =
            |why: &str| format!("expected a URL such as \"https://tocsin.example.com/\", {why}");
        let mut url = Url::parse(text.trim()).map_err(|_| expected(&format!("found {text:?}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(expected(&format!("found {text:?}")));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(expected("without a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(expected("without a query or fragment"));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }
}

impl From<PublicUrl> for String {
    fn from(url: PublicUrl) -> String {
        url.0.into()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_trip() {
        for (text, seconds) in [("90s", 90), ("5m", 300), ("9h", 32_400), ("30d", 2_592_000)] {
            let duration = HumanDuration::try_from(text.to_owned()).unwrap();
            assert_eq!(duration, HumanDuration::seconds(seconds));
            assert!(["90s", "5m", "9h", "30d"].contains(&String::from(duration).as_str()));
        }
        assert_eq!(
            HumanDuration::try_from("250ms".to_owned()).unwrap().0,
            Duration::from_millis(250)
        );
        for bad in ["", "5", "m", "5 weeks", "-1s", "1.5h", "99999999999999d"] {
            assert!(HumanDuration::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn forever_round_trips() {
        for text in ["forever", "400d", "36h"] {
            let keep = RetentionPeriod::try_from(text.to_owned()).unwrap();
            assert_eq!(String::from(keep), text);
        }
        assert_eq!(
            RetentionPeriod::try_from("forever".to_owned()),
            Ok(RetentionPeriod::FOREVER)
        );
        assert!(RetentionPeriod::try_from("never".to_owned()).is_err());
    }

    #[test]
    fn sizes_round_trip() {
        let read = |text: &str| ByteSize::try_from(SizeText::Text(text.to_owned()));
        assert_eq!(read("16MiB"), Ok(ByteSize(16 << 20)));
        assert_eq!(read("16 MiB"), Ok(ByteSize(16 << 20)));
        assert_eq!(read("1024"), Ok(ByteSize(1024)));
        assert_eq!(String::from(ByteSize(1024)), "1KiB");
        assert_eq!(String::from(ByteSize(1025)), "1025B");
        for bad in ["", "MiB", "16MB", "-1", "1e3"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn networks_round_trip() {
        for (text, written) in [
            ("127.0.0.1", "127.0.0.1/32"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("::1", "::1/128"),
            ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ] {
            let network = Cidr::try_from(text.to_owned()).unwrap();
            assert_eq!(String::from(network), written);
        }
        for bad in ["", "proxy", "10.0.0.0/33", "10.0.0/8"] {
            assert!(Cidr::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        let all = Cidr::try_from("0.0.0.0/0".to_owned()).unwrap();
        assert!(trusted_networks("k", &[all]).is_err());
    }

    #[test]
    fn a_public_url_keeps_its_prefix() {
        let url = PublicUrl::try_from("https://ops.example.com/tocsin".to_owned()).unwrap();
        assert_eq!(url.path(), "/tocsin/");
        assert_eq!(url.origin(), "https://ops.example.com");
        for bad in [
            "ops.example.com",
            "ftp://ops.example.com",
            "https://u:p@ops.example.com",
            "https://ops.example.com/?a",
        ] {
            assert!(PublicUrl::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
