//! The finished files: names that hold their hash, compressed copies, and a
//! folder that is only touched where something changed.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// Files by their path below the folder, and their contents.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Enough of a hash that two contents never share a name.
const HASH_LENGTH: usize = 16;

/// `app_bg.wasm` → `app_bg-0123456789abcdef.wasm`.
pub(super) fn hashed_name(name: &str, content: &[u8]) -> String {
    let hash = blake3::hash(content).to_hex();
    let hash = &hash[..HASH_LENGTH];
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => format!("{stem}-{hash}.{extension}"),
        _ => format!("{name}-{hash}"),
    }
}

/// Every file of a folder and of those in it; nothing for a missing folder.
/// Hidden files are left out.
pub(super) fn read(folder: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    if folder.exists() {
        collect(folder, "", &mut files)?;
    }
    Ok(files)
}

/// Adds `NAME.br` and `NAME.gz` for each file that shrinks.
pub(super) fn compress(files: &mut Files) -> anyhow::Result<()> {
    let mut copies = Files::new();
    for (name, content) in files.iter().filter(|(name, _)| is_compressible(name)) {
        for (extension, copy) in [("br", brotli(content)?), ("gz", gzip(content)?)] {
            if copy.len() < content.len() {
                copies.insert(format!("{name}.{extension}"), copy);
            }
        }
    }
    files.append(&mut copies);
    Ok(())
}

/// Makes a folder hold exactly these files. What is there already is left as it
/// is, so that the server, which embeds them, is not built again for nothing.
pub(super) fn write(folder: &Path, files: &Files) -> anyhow::Result<()> {
    for (name, content) in files {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|old| old == *content) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot create {}", parent.display()))?;
        }
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    for name in read(folder)?
        .keys()
        .filter(|name| !files.contains_key(*name))
    {
        let path: PathBuf = folder.join(name);
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

fn collect(folder: &Path, prefix: &str, files: &mut Files) -> anyhow::Result<()> {
    let cannot_read = || format!("cannot read {}", folder.display());
    for entry in folder.read_dir().with_context(cannot_read)? {
        let entry = entry.with_context(cannot_read)?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| anyhow::anyhow!("{name:?} is no name for a web address"))?;
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), files)?;
        } else {
            let content =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            files.insert(format!("{prefix}{name}"), content);
        }
    }
    Ok(())
}

fn is_compressible(name: &str) -> bool {
    let text = [
        "css",
        "html",
        "ico",
        "js",
        "json",
        "svg",
        "txt",
        "wasm",
        "webmanifest",
    ];
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| text.contains(&extension))
}

fn brotli(content: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut copy = Vec::new();
    // The defaults are the strongest: quality 11, a window of 4 MiB.
    let parameters = brotli::enc::BrotliEncoderParams::default();
    brotli::BrotliCompress(&mut &content[..], &mut copy, &parameters).context("brotli failed")?;
    Ok(copy)
}

fn gzip(content: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).context("gzip failed")?;
    encoder.finish().context("gzip failed")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_name_changes_with_the_content_and_keeps_its_extension() {
        let name = hashed_name("app_bg.wasm", b"one");
        assert!(
            name.starts_with("app_bg-") && name.ends_with(".wasm"),
            "{name}"
        );
        assert_eq!(name.len(), "app_bg-.wasm".len() + HASH_LENGTH);
        assert_eq!(name, hashed_name("app_bg.wasm", b"one"));
        assert_ne!(name, hashed_name("app_bg.wasm", b"two"));
        assert!(hashed_name("LICENSE", b"").starts_with("LICENSE-"));
    }

    #[test]
    fn copies_are_made_where_they_help() {
        let text = b"tocsin ".repeat(100);
        let mut files = Files::from([
            ("app.js".to_owned(), text.clone()),
            ("tiny.js".to_owned(), b"1".to_vec()),
            ("icon.png".to_owned(), text.clone()),
        ]);
        compress(&mut files).expect("compresses");
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["app.js", "app.js.br", "app.js.gz", "icon.png", "tiny.js"]
        );
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&files["app.js.gz"][..])
            .read_to_end(&mut back)
            .expect("is gzip");
        assert_eq!(back, text);
        back.clear();
        brotli::BrotliDecompress(&mut &files["app.js.br"][..], &mut back).expect("is brotli");
        assert_eq!(back, text);
    }

    #[test]
    fn a_folder_holds_what_was_written_last_and_same_files_are_not_touched() {
        let folder = tempfile::tempdir().expect("a folder");
        let both = Files::from([
            ("index.html".to_owned(), b"page".to_vec()),
            ("snippets/a/inline.js".to_owned(), b"old".to_vec()),
        ]);
        write(folder.path(), &both).expect("writes");
        assert_eq!(read(folder.path()).expect("reads"), both);
        let page = folder.path().join("index.html");
        let before = page.metadata().and_then(|meta| meta.modified()).ok();
        let one = Files::from([("index.html".to_owned(), b"page".to_vec())]);
        write(folder.path(), &one).expect("writes");
        assert_eq!(read(folder.path()).expect("reads"), one);
        assert_eq!(
            page.metadata().and_then(|meta| meta.modified()).ok(),
            before
        );
    }
}
