//! Content addresses: equal sets are stored once.

use std::fmt;

use crate::alert::Labels;

/// The first 16 bytes of a blake3 hash: unlike the fingerprint, which anyone can collide on purpose,
/// this is safe to use as a key for content that strangers choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// The address of a label set. The team is part of it, because a setting says which label that
    /// is: after a change of it, the same labels are another set.
    #[must_use]
    pub fn of_labels(labels: &Labels, team: &str) -> Self {
        let mut buffer = Vec::with_capacity(512);
        put_set(&mut buffer, labels);
        put(&mut buffer, team);
        Self::of_bytes(&buffer)
    }

    /// The address of one name with its value.
    #[must_use]
    pub fn of_label(name: &str, value: &str) -> Self {
        let mut buffer = Vec::with_capacity(128);
        put(&mut buffer, name);
        put(&mut buffer, value);
        Self::of_bytes(&buffer)
    }

    /// The address of what is stored together as an annotation set: the annotations and the link.
    #[must_use]
    pub fn of_annotations(annotations: &Labels, generator_url: &str) -> Self {
        let mut buffer = Vec::with_capacity(512);
        put_set(&mut buffer, annotations);
        put(&mut buffer, generator_url);
        Self::of_bytes(&buffer)
    }

    /// The address of a key of several texts.
    #[must_use]
    pub fn of_parts(parts: &[&str]) -> Self {
        let mut buffer = Vec::with_capacity(256);
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

/// Counts and lengths go before what they count, so that no two sets are written alike.
fn put_set(buffer: &mut Vec<u8>, set: &Labels) {
    buffer.extend_from_slice(&(set.len() as u64).to_le_bytes());
    for (name, value) in set {
        put(buffer, name);
        put(buffer, value);
    }
}

fn put(buffer: &mut Vec<u8>, text: &str) {
    buffer.extend_from_slice(&(text.len() as u64).to_le_bytes());
    buffer.extend_from_slice(text.as_bytes());
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
    fn it_never_changes() {
        // These are keys in databases: another value here needs a migration.
        let labels = set(&[("alertname", "X"), ("团队", "运维")]);
        assert_eq!(
            Digest::of_labels(&labels, "t").to_string(),
            "2c65239ea16964bbedc4b1a8956b0f2d"
        );
        assert_eq!(
            Digest::of_annotations(&labels, "u").to_string(),
            "451a503a7ced55e1fa70bb7ec8f52e51"
        );
        assert_eq!(
            Digest::of_label("alertname", "X").to_string(),
            "033f3cd84c16d6d7b50bc5420ffc1582"
        );
    }

    #[test]
    fn what_is_cut_elsewhere_is_another() {
        let of = |labels: &[(&str, &str)]| Digest::of_labels(&set(labels), "");
        assert_ne!(of(&[("ab", "c")]), of(&[("a", "bc")]));
        assert_ne!(of(&[("a", "b"), ("c", "d")]), of(&[("a", "b")]));
        // The fingerprint leaves out empty values; what is stored does not.
        assert_ne!(of(&[("a", "")]), of(&[]));
        assert_ne!(Digest::of_label("ab", "c"), Digest::of_label("a", "bc"));
        assert_ne!(
            Digest::of_annotations(&set(&[("a", "b")]), ""),
            Digest::of_annotations(&set(&[]), "b")
        );
    }

    proptest! {
        #[test]
        fn different_sets_have_different_addresses(
            one in prop::collection::btree_map("[ab]{0,2}", "[ab]{0,2}", 0..4),
            other in prop::collection::btree_map("[ab]{0,2}", "[ab]{0,2}", 0..4),
        ) {
            prop_assert_eq!(
                Digest::of_labels(&one, "") == Digest::of_labels(&other, ""),
                one == other
            );
        }
    }
}
