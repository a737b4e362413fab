//! The label set's hash, as Alertmanager computes it.

use std::fmt;
use std::str::FromStr;

use crate::alert::Labels;

/// What makes two alerts of one source the same alert: the hash of the label set.
///
/// Printed as 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;
const SEPARATOR: u8 = 0xff;

/// FNV-1a 64 over the label names in byte order, each as name, 0xFF, value, 0xFF, empty-valued
/// labels left out (prometheus/common `model.LabelSet.Fingerprint`; Alertmanager drops the empty
/// ones before it computes it). The empty set is `cbf29ce484222325`.
#[must_use]
pub fn of(labels: &Labels) -> Fingerprint {
    // A BTreeMap of strings iterates in byte order, which is the order wanted.
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

/// The text is not a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is exactly 16 hexadecimal digits")]
pub struct NotAFingerprint;

/// Exactly 16 hexadecimal digits, of either case.
impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The length and digits are checked here because `from_str_radix` takes a sign.
        if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAFingerprint);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| NotAFingerprint)
    }
}
