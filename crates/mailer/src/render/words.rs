//! The words of one language.

use std::collections::BTreeMap;

use serde::Deserialize;
use tera::{Kwargs, State, TeraResult};

/// Phrases by key, from a `words.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Words(BTreeMap<String, Phrase>);

/// One phrase; `{name}` in it is filled in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Phrase {
    Plain(String),
    /// Chosen by `{n}`. Two forms are enough: Chinese has one, English two.
    Counted {
        one: String,
        other: String,
    },
}

impl Words {
    pub(super) fn parse(toml: &str) -> Result<Words, toml::de::Error> {
        toml::from_str(toml)
    }

    /// Returns these words with those of `over` in place of the same keys. An unknown key is an
    /// error.
    pub(super) fn overlaid(&self, over: Words) -> Result<Words, String> {
        let mut all = self.clone();
        for (key, phrase) in over.0 {
            if all.0.insert(key.clone(), phrase).is_none() {
                return Err(format!("unknown key `{key}`"));
            }
        }
        Ok(all)
    }

    /// The phrase for `key` with its placeholders filled; `None` if there is no such key.
    pub(super) fn phrase(&self, key: &str, fill: &[(&str, &str)]) -> Option<String> {
        let counted = fill.iter().find(|(name, _)| *name == "n").map(|(_, n)| *n);
        let mut rest = match self.0.get(key)? {
            Phrase::Plain(text) => text.as_str(),
            Phrase::Counted { one, .. } if counted == Some("1") => one,
            Phrase::Counted { other, .. } => other,
        };
        // In one pass, so that placeholders in a filled-in value are not replaced.
        let mut out = String::with_capacity(rest.len());
        while let Some(open) = rest.find('{') {
            let (before, after) = rest.split_at(open);
            out.push_str(before);
            let place = after[1..].split_once('}').and_then(|(name, behind)| {
                let (_, value) = fill.iter().find(|(known, _)| *known == name)?;
                Some((*value, behind))
            });
            match place {
                Some((value, behind)) => {
                    out.push_str(value);
                    rest = behind;
                }
                None => {
                    out.push('{');
                    rest = &after[1..];
                }
            }
        }
        out.push_str(rest);
        Some(out)
    }

    /// `{{ t(key="…", n=…, …) }}` in a template. Its result is escaped like any other value.
    pub(super) fn function(
        self,
    ) -> impl Fn(Kwargs, &State) -> TeraResult<String> + Send + Sync + 'static {
        move |kwargs, _| {
            let key: &str = kwargs.must_get("key")?;
            let fill: Vec<(String, String)> = kwargs
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect();
            let fill: Vec<(&str, &str)> = fill
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            self.phrase(key, &fill)
                .ok_or_else(|| tera::Error::message(format!("unknown word key `{key}`")))
        }
    }

    #[cfg(test)]
    pub(super) fn shape(&self) -> BTreeMap<String, std::collections::BTreeSet<String>> {
        let places = |text: &str| -> std::collections::BTreeSet<String> {
            text.split('{')
                .skip(1)
                .filter_map(|s| Some(s.split_once('}')?.0.to_owned()))
                .collect()
        };
        self.0
            .iter()
            .map(|(key, phrase)| match phrase {
                Phrase::Plain(text) => (key.clone(), places(text)),
                Phrase::Counted { one, other } => {
                    assert_eq!(places(one), places(other), "{key}");
                    (key.clone(), places(other))
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        Words::parse("a = \"{x} and {y}\"\nb = { one = \"{n} thing\", other = \"{n} things\" }")
            .unwrap()
    }

    #[test]
    fn places_are_filled_once() {
        let words = words();
        assert_eq!(
            words.phrase("a", &[("x", "{y}"), ("y", "2")]).as_deref(),
            Some("{y} and 2")
        );
        assert_eq!(
            words.phrase("a", &[("x", "1")]).as_deref(),
            Some("1 and {y}")
        );
        assert_eq!(words.phrase("c", &[]), None);
    }

    #[test]
    fn the_form_is_chosen_by_the_count() {
        let words = words();
        assert_eq!(words.phrase("b", &[("n", "1")]).as_deref(), Some("1 thing"));
        assert_eq!(
            words.phrase("b", &[("n", "0")]).as_deref(),
            Some("0 things")
        );
        assert_eq!(
            words.phrase("b", &[("n", "11")]).as_deref(),
            Some("11 things")
        );
    }

    #[test]
    fn some_words_can_be_replaced_but_none_invented() {
        let all = words()
            .overlaid(Words::parse("a = \"new\"").unwrap())
            .unwrap();
        assert_eq!(all.phrase("a", &[]).as_deref(), Some("new"));
        assert_eq!(all.phrase("b", &[("n", "1")]).as_deref(), Some("1 thing"));
        assert!(
            words()
                .overlaid(Words::parse("typo = \"\"").unwrap())
                .is_err()
        );
    }
}
