//! Checks whether the output directory is up to date, by content hashes: modification
//! times change with a fresh checkout or another branch.

use std::{env, fs, path::PathBuf};

use anyhow::Context as _;

use crate::files::Files;

/// A file with the hashes of the last input and output. With the output hash, a changed
/// or deleted output directory is detected.
#[derive(Debug)]
pub(crate) struct Stamp {
    path: PathBuf,
}

impl Stamp {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn is_current(&self, inputs: &str, out: &Files) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|text| text == content(inputs, out))
    }

    pub(crate) fn write(&self, inputs: &str, out: &Files) -> anyhow::Result<()> {
        fs::write(&self.path, content(inputs, out))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Hash of all inputs, including this program.
pub(crate) fn inputs(
    release: bool,
    programs: &[(&str, Vec<u8>)],
    template: &str,
    statics: &Files,
) -> anyhow::Result<String> {
    let executable = env::current_exe()
        .and_then(fs::read)
        .context("cannot read this program's executable file")?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[u8::from(release)]);
    for hash in [
        blake3::hash(&executable),
        hash_of(programs.iter().map(|(name, content)| (*name, content))),
        blake3::hash(template.as_bytes()),
        hash_of_files(statics),
    ] {
        hasher.update(hash.as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn content(inputs: &str, out: &Files) -> String {
    format!("{inputs}\n{}\n", hash_of_files(out).to_hex())
}

fn hash_of_files(files: &Files) -> blake3::Hash {
    hash_of(files.iter().map(|(name, content)| (name.as_str(), content)))
}

/// Hash of file names and contents. Hashes each separately first: with a fixed length,
/// different sets of files cannot yield the same input.
fn hash_of<'a>(files: impl Iterator<Item = (&'a str, &'a Vec<u8>)>) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for (name, content) in files {
        hasher.update(blake3::hash(name.as_bytes()).as_bytes());
        hasher.update(blake3::hash(content).as_bytes());
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, content: &str) -> Files {
        Files::from([(name.to_owned(), content.as_bytes().to_vec())])
    }

    #[test]
    fn hash_depends_on_every_input() {
        let app = [("app", b"wasm".to_vec())];
        let css = one("style.css", "css");
        let hash = inputs(true, &app, "page", &css).expect("hashes");
        assert_eq!(hash, inputs(true, &app, "page", &css).expect("hashes"));
        for other in [
            inputs(false, &app, "page", &css),
            inputs(true, &[("app", b"wasm2".to_vec())], "page", &css),
            inputs(true, &[("wall", b"wasm".to_vec())], "page", &css),
            inputs(true, &app, "page2", &css),
            inputs(true, &app, "page", &one("style.css", "css2")),
            inputs(true, &app, "page", &Files::new()),
        ] {
            assert_ne!(hash, other.expect("hashes"));
        }
    }

    #[test]
    fn changed_or_missing_output_is_not_current() {
        let folder = tempfile::tempdir().expect("a folder");
        let stamp = Stamp::at(folder.path().join("stamp"));
        let out = one("index.html", "page");
        assert!(!stamp.is_current("in", &out), "nothing was written yet");
        stamp.write("in", &out).expect("writes");
        assert!(stamp.is_current("in", &out));
        assert!(!stamp.is_current("in2", &out));
        assert!(!stamp.is_current("in", &one("index.html", "changed")));
        assert!(!stamp.is_current("in", &Files::new()));
    }
}
