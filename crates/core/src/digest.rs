//! Content hashes: equal sets are stored once.

use std::fmt;

/// The first 16 bytes of a blake3 hash. Unlike the fingerprint, which anyone can collide on
/// purpose, this is safe as a key for content that untrusted senders choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// Hash of one label name with its value.
    #[must_use]
    pub fn of_label(name: &str, value: &str) -> Self {
        let mut buffer = Vec::with_capacity(128);
        put(&mut buffer, name);
        put(&mut buffer, value);
        Self::of_bytes(&buffer)
    }

    /// Hash of an alert's content: labels and annotations (each as the stored JSON) and the link.
    /// The team is part of it because a setting selects the team label: after that setting changes,
    /// the same labels are different content.
    #[must_use]
    pub fn of_content(labels: &str, team: &str, annotations: &str, generator_url: &str) -> Self {
        Self::of_parts(&[labels, team, annotations, generator_url])
    }

    /// Hash of a key of several strings.
    #[must_use]
    pub fn of_parts(parts: &[&str]) -> Self {
        let mut buffer = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            put(&mut buffer, part);
        }
        Self::of_bytes(&buffer)
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let hash = blake3::hash(bytes);
        let mut short = [0; 16];
        short.copy_from_slice(&hash.as_bytes()[..16]);
        Self(short)
    }
}

/// Lower-case hexadecimal.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Lengths precede the strings they count, so that two different keys never have the same encoding.
fn put(buffer: &mut Vec<u8>, text: &str) {
    buffer.extend_from_slice(&(text.len() as u64).to_le_bytes());
    buffer.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hashes_are_stable() {
        // These are keys in databases: a change here requires a migration.
        assert_eq!(
            Digest::of_label("alertname", "X").to_string(),
            "033f3cd84c16d6d7b50bc5420ffc1582"
        );
        assert_eq!(
            Digest::of_content("{\"alertname\":\"X\"}", "运维", "{}", "u").to_string(),
            "cf9aaaaa14ab75af342f25073c6bdf8b"
        );
    }

    #[test]
    fn parts_split_elsewhere_have_another_hash() {
        assert_ne!(Digest::of_label("ab", "c"), Digest::of_label("a", "bc"));
        assert_ne!(Digest::of_parts(&["a", ""]), Digest::of_parts(&["a"]));
    }

    proptest! {
        #[test]
        fn different_keys_have_different_hashes(
            one in prop::collection::vec("[ab]{0,2}", 0..4),
            other in prop::collection::vec("[ab]{0,2}", 0..4),
        ) {
            let of = |parts: &[String]| {
                Digest::of_parts(&parts.iter().map(String::as_str).collect::<Vec<_>>())
            };
            prop_assert_eq!(of(&one) == of(&other), one == other);
        }
    }
}
