//! The word check: the words that `docs/glossary.md` replaced do not come back, in
//! code, comments, tests, documents, page words or the API's description.
//!
//! Identifiers count as the words they are made of, so `oldWord` and `old_word` are found.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use crate::failure::{Failure, FileContext as _, Result};

/// One a line: the banned word or phrase, and after a colon what to write instead.
const BANNED: &str = include_str!("vocabulary/banned.txt");

/// Paths, or beginnings of them, that may use one of the words, with the reason.
const EXCEPTIONS: &str = include_str!("vocabulary/exceptions.txt");

const EXTENSIONS: &[&str] = &[
    "css", "html", "js", "json", "md", "rs", "sh", "sql", "tera", "toml", "txt", "yml",
];

/// Folders that hold nothing that people here wrote.
const SKIPPED: &[&str] = &["target", "node_modules", "dist", "fixtures", "vocabulary"];

/// A banned word in a file.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    line: usize,
    phrase: String,
    instead: String,
}

/// The banned phrases by their first word.
struct Vocabulary<'a>(HashMap<&'a str, Vec<(Vec<&'a str>, &'a str)>>);

/// Fails with every place where a banned word stands.
pub(super) fn check(root: &Path) -> Result<()> {
    let vocabulary = Vocabulary::read(BANNED);
    let mut findings = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).file("read", &folder)? {
            let path = entry.file("read", &folder)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                if !name.starts_with('.') && !SKIPPED.contains(&&*name) {
                    folders.push(path);
                }
            } else if is_written(&path) {
                let shown = relative(root, &path);
                let text = fs::read_to_string(&path).file("read", &path)?;
                let found = vocabulary.findings(&text).into_iter();
                let found = found.filter(|finding| !is_excepted(&shown, &finding.phrase));
                findings.extend(found.map(|finding| (shown.clone(), finding)));
            }
        }
    }
    if findings.is_empty() {
        return Ok(());
    }
    findings.sort_by(|(a, x), (b, y)| (a, x.line).cmp(&(b, y.line)));
    let list: Vec<String> = findings
        .iter()
        .map(|(path, found)| {
            let Finding {
                line,
                phrase,
                instead,
            } = found;
            format!("{path}:{line}: \"{phrase}\": {instead}")
        })
        .collect();
    Err(Failure::new(
        "pass the word check",
        format!("These words are not used here:\n{}", list.join("\n")),
        "Write the word after the colon; docs/glossary.md has the others",
    ))
}

fn is_written(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    EXTENSIONS.contains(&&*extension) && !name.ends_with("-lock.json")
}

fn relative(root: &Path, path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root).unwrap_or(path).to_owned();
    path.to_string_lossy().replace('\\', "/")
}

fn is_excepted(path: &str, phrase: &str) -> bool {
    lines(EXCEPTIONS).any(|line| {
        let mut parts = line.splitn(3, ' ');
        let (start, word) = (parts.next(), parts.next());
        start.is_some_and(|start| path.starts_with(start))
            && word.is_some_and(|word| word == "*" || word == phrase)
    })
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl<'a> Vocabulary<'a> {
    fn read(text: &'a str) -> Self {
        let mut all: HashMap<_, Vec<_>> = HashMap::new();
        for line in lines(text) {
            let (phrase, instead) = line.split_once(": ").unwrap_or((line, ""));
            let words: Vec<&str> = phrase.split(' ').collect();
            if let Some(first) = words.first().copied() {
                all.entry(first).or_default().push((words, instead));
            }
        }
        Self(all)
    }

    fn findings(&self, text: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let words = words(text);
            for at in 0..words.len() {
                let rest = words.get(at..).unwrap_or_default();
                for (phrase, instead) in rest
                    .first()
                    .and_then(|w| self.0.get(&**w))
                    .into_iter()
                    .flatten()
                {
                    if rest.len() >= phrase.len() && rest.iter().zip(phrase).all(|(a, b)| a == b) {
                        findings.push(Finding {
                            line,
                            phrase: phrase.join(" "),
                            instead: (*instead).to_owned(),
                        });
                    }
                }
            }
        }
        findings
    }
}

/// The words of a line in lower case: `isFirstSeen`, `IS_FIRST_SEEN` and
/// "is first seen" are the same three.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before_is_lower = false;
    for character in line.chars() {
        let begins = character.is_uppercase() && before_is_lower;
        if (begins || !character.is_alphabetic()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if character.is_alphabetic() {
            word.extend(character.to_lowercase());
        }
        before_is_lower = character.is_lowercase();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_split_into_words() {
        for line in [
            "isFirstSeen",
            "IS_FIRST_SEEN",
            "is first seen.",
            "is::first(seen)",
        ] {
            assert_eq!(words(line), ["is", "first", "seen"], "{line}");
        }
    }

    #[test]
    fn a_banned_phrase_is_found_with_its_line_and_replacement() {
        let vocabulary = Vocabulary::read("# a comment\nfoo: bar\nbig foo: small bar\n");
        let found = vocabulary.findings("fine\nlet bigFoo = 1; // food");
        let found: Vec<_> = found
            .iter()
            .map(|f| (f.line, &*f.phrase, &*f.instead))
            .collect();
        assert_eq!(found, [(2, "big foo", "small bar"), (2, "foo", "bar")]);
    }

    #[test]
    fn every_banned_phrase_names_its_replacement() {
        for line in lines(BANNED) {
            assert!(
                line.split_once(": ")
                    .is_some_and(|(_, instead)| !instead.is_empty()),
                "{line}"
            );
        }
    }
}
