//! Fingerprint of a label set, as Alertmanager computes it.

use std::fmt;
use std::str::FromStr;

use crate::alert::Labels;

/// Hash of the label set: alerts of one source with the same fingerprint are the same alert.
///
/// Printed as 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;
const SEPARATOR: u8 = 0xff;

/// FNV-1a 64 over the label names in byte order, each as name, 0xFF, value, 0xFF, without labels
/// that have an empty value (prometheus/common `model.LabelSet.Fingerprint`; Alertmanager drops
/// empty labels first). The empty set is `cbf29ce484222325`.
#[must_use]
pub fn of(labels: &Labels) -> Fingerprint {
    // A BTreeMap of strings iterates in byte order, as required.
    let hash = labels
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .fold(OFFSET_BASIS, |hash, (name, value)| {
            mix(mix(hash, name), value)
        });
    Fingerprint(hash)
}

fn mix(hash: u64, text: &str) -> u64 {
    text.bytes()
        .chain(std::iter::once(SEPARATOR))
        .fold(hash, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(PRIME)
        })
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The string is not a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is exactly 16 hexadecimal digits")]
pub struct InvalidFingerprint;

/// Exactly 16 hexadecimal digits, upper or lower case.
impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The length and digits are checked here because `from_str_radix` takes a sign.
        if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidFingerprint);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| InvalidFingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(labels: &[(&str, &str)]) -> Labels {
        let owned = labels
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        owned.collect()
    }

    #[test]
    fn it_equals_alertmanagers_fingerprint() {
        assert_eq!(of(&Labels::new()).to_string(), "cbf29ce484222325");
        // Captured from Alertmanager 0.25; one has leading zeros.
        let bare = [
            ("alertname", "BareAlert"),
            ("case", "generic"),
            ("instance", "bare:1"),
        ];
        assert_eq!(of(&set(&bare)).to_string(), "05a0f4269f38443d");
        let chinese = [
            ("alertname", "内存使用率过高"),
            ("case", "prom"),
            ("cluster", "prod-eu-1"),
            ("instance", "上海-web-03:9100"),
            ("severity", "紧急"),
            ("team", "运维"),
        ];
        assert_eq!(of(&set(&chinese)).to_string(), "8bfd4501a663cc97");
    }

    #[test]
    fn empty_values_are_ignored() {
        let full = of(&set(&[("a", "b"), ("c", "")]));
        assert_eq!(full, of(&set(&[("a", "b")])));
        assert_eq!(of(&set(&[("a", "")])), of(&Labels::new()));
    }

    #[test]
    fn names_and_values_are_delimited() {
        assert_ne!(of(&set(&[("ab", "c")])), of(&set(&[("a", "bc")])));
        assert_ne!(
            of(&set(&[("a", "b"), ("c", "d")])),
            of(&set(&[("a", "bcd")]))
        );
    }

    #[test]
    fn only_sixteen_hexadecimal_digits_are_valid() {
        assert_eq!(
            "00FFee0000000001".parse(),
            Ok(Fingerprint(0x00ff_ee00_0000_0001))
        );
        for text in [
            "",
            "ffee",
            "+0ffee0000000001",
            "00ffee00000000010",
            "00ffee000000000g",
            "００ffee00",
        ] {
            assert_eq!(
                text.parse::<Fingerprint>(),
                Err(InvalidFingerprint),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_order_of_the_labels_does_not_matter(
            (ordered, shuffled) in prop::collection::vec((".{0,4}", ".{0,4}"), 0..6)
                .prop_map(|labels| labels.into_iter().collect::<Labels>())
                .prop_flat_map(|set| {
                    let list: Vec<(String, String)> = set.clone().into_iter().collect();
                    (Just(set), Just(list).prop_shuffle())
                })
        ) {
            prop_assert_eq!(of(&ordered), of(&shuffled.into_iter().collect()));
        }

        #[test]
        fn display_round_trips(hash in any::<u64>()) {
            let fingerprint = Fingerprint(hash);
            prop_assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
            prop_assert_eq!(fingerprint.to_string().len(), 16);
        }
    }
}
