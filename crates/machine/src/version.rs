//! Version numbers, parsed from the output of programs.

use std::fmt;

/// A version number, compared component by component: 1.85 < 1.95 < 22.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u64>);

impl Version {
    /// Creates a version from its components.
    #[must_use]
    pub fn new(numbers: &[u64]) -> Self {
        Self(numbers.to_vec())
    }

    /// Parses the first version in a string, such as 15.18 in
    /// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`: the first word that
    /// starts with a digit, after an optional `v`, up to the first other character.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(|word| {
            let word = word.strip_prefix('v').unwrap_or(word);
            let end = word
                .find(|letter: char| letter != '.' && !letter.is_ascii_digit())
                .unwrap_or(word.len());
            let numbers: Result<Vec<_>, _> = word[..end]
                .trim_end_matches('.')
                .split('.')
                .map(str::parse)
                .collect();
            numbers.ok().map(Self)
        })
    }

    /// First component.
    #[must_use]
    pub fn major(&self) -> u64 {
        self.0.first().copied().unwrap_or_default()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_parsed_from_program_output() {
        for (text, version) in [
            ("rustc 1.95.0 (59807616e 2026-04-14)", "1.95.0"),
            ("1.85.0+dfsg3-1~deb12u3", "1.85.0"),
            (
                "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
                "15.18",
            ),
            ("v20.20.2", "20.20.2"),
            (
                "prometheus, version 2.42.0+ds (branch: debian/sid)",
                "2.42.0",
            ),
            ("Debian LLD 22.1.2 (compatible with GNU linkers)", "22.1.2"),
            ("1:18~bpo", "1"),
        ] {
            let parsed = Version::parse(text).map(|version| version.to_string());
            assert_eq!(parsed.as_deref(), Some(version), "{text}");
        }
        assert_eq!(Version::parse("command not found"), None);
        assert_eq!(Version::parse(""), None);
    }

    #[test]
    fn components_are_compared_numerically() {
        let version = |text| Version::parse(text).unwrap();
        assert!(version("1.9") < version("1.85"));
        assert!(version("1.85.0") < version("1.95"));
        assert!(version("9.2.0") < version("20"));
        assert!(version("1.95.0") >= version("1.95"));
    }
}
