//! Whether `frontend/dist/` is what its sources give. Decided by content and not
//! by times, which a fresh checkout and a switched branch both confuse.

use std::{fs, path::PathBuf, time::SystemTime};

use anyhow::Context as _;

use super::assets::Files;

/// The note beside the build folder: the hash of what went in, and of what came
/// out, so that a folder someone changed or removed is written again.
#[derive(Debug)]
pub(super) struct Stamp {
    path: PathBuf,
}

impl Stamp {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn is_current(&self, inputs: &str, dist: &Files) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|text| text == note(inputs, dist))
    }

    pub(super) fn write(&self, inputs: &str, dist: &Files) -> anyhow::Result<()> {
        fs::write(&self.path, note(inputs, dist))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// The hash of all that decides what `dist` holds, this program included.
pub(super) fn inputs<'a>(
    release: bool,
    programs: impl Iterator<Item = &'a [u8]>,
    template: &str,
    statics: &Files,
) -> anyhow::Result<String> {
    let own = std::env::current_exe()
        .and_then(|path| path.metadata())
        .context("cannot look at this program's own file")?;
    let built = own
        .modified()
        .ok()
        .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
        .map_or(0, |time| time.as_nanos());
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("{release} {built} {}\n", own.len()).as_bytes());
    for program in programs {
        hasher.update(blake3::hash(program).as_bytes());
    }
    hasher.update(blake3::hash(template.as_bytes()).as_bytes());
    hasher.update(hash_of(statics).as_bytes());
    Ok(hasher.finalize().to_hex().to_string())
}

fn note(inputs: &str, dist: &Files) -> String {
    format!("{inputs}\n{}\n", hash_of(dist).to_hex())
}

/// Each name and each content by its own hash: no two sets read alike.
fn hash_of(files: &Files) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for (name, content) in files {
        hasher.update(blake3::hash(name.as_bytes()).as_bytes());
        hasher.update(blake3::hash(content).as_bytes());
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use std::iter::once;

    use super::*;

    fn files(content: &str) -> Files {
        Files::from([("style.css".to_owned(), content.as_bytes().to_vec())])
    }

    #[test]
    fn any_changed_source_is_noticed() {
        let now = inputs(true, once(b"wasm".as_slice()), "page", &files("css")).expect("hashes");
        let same = inputs(true, once(b"wasm".as_slice()), "page", &files("css")).expect("hashes");
        assert_eq!(now, same);
        for other in [
            inputs(false, once(b"wasm".as_slice()), "page", &files("css")),
            inputs(true, once(b"wasm2".as_slice()), "page", &files("css")),
            inputs(true, once(b"wasm".as_slice()), "page2", &files("css")),
            inputs(true, once(b"wasm".as_slice()), "page", &files("css2")),
            inputs(true, once(b"wasm".as_slice()), "page", &Files::new()),
        ] {
            assert_ne!(now, other.expect("hashes"));
        }
    }

    #[test]
    fn a_changed_or_missing_result_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let stamp = Stamp::at(folder.path().join("stamp"));
        assert!(
            !stamp.is_current("in", &files("out")),
            "nothing was made yet"
        );
        stamp.write("in", &files("out")).expect("writes");
        assert!(stamp.is_current("in", &files("out")));
        assert!(!stamp.is_current("in2", &files("out")));
        assert!(!stamp.is_current("in", &files("changed")));
        assert!(!stamp.is_current("in", &Files::new()));
    }
}
