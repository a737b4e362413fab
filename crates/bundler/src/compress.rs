//! Precompressed copies of files.

use std::{io::Write as _, thread};

use anyhow::{Context as _, anyhow};

use crate::files::Files;

/// Extensions of compressible files.
const COMPRESSIBLE: [&str; 9] = [
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

/// Adds `NAME.br` and `NAME.gz` for each file if they are smaller.
pub(crate) fn add_copies(files: &mut Files) -> anyhow::Result<()> {
    let results = thread::scope(|scope| {
        // One thread per file uses all cores, because only the few WebAssembly files
        // take more than an instant.
        let threads: Vec<_> = files
            .iter()
            .filter(|(name, _)| is_compressible(name))
            .map(|(name, content)| scope.spawn(|| copies(name, content)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("compression panicked"))?)
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    files.extend(results.into_iter().flatten());
    Ok(())
}

fn copies(name: &str, content: &[u8]) -> anyhow::Result<Files> {
    let mut copies = Files::new();
    for (extension, copy) in [("br", brotli(content)?), ("gz", gzip(content)?)] {
        if copy.len() < content.len() {
            copies.insert(format!("{name}.{extension}"), copy);
        }
    }
    Ok(copies)
}

fn is_compressible(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| COMPRESSIBLE.contains(&extension))
}

fn brotli(content: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut copy = Vec::new();
    // The defaults are the best compression: quality 11, a window of 4 MiB.
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
    fn copies_are_added_only_if_smaller() {
        let text = b"tocsin ".repeat(100);
        let mut files = Files::from([
            ("app.js".to_owned(), text.clone()),
            ("tiny.js".to_owned(), b"1".to_vec()),
            ("icon.png".to_owned(), text.clone()),
        ]);
        add_copies(&mut files).expect("compresses");
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["app.js", "app.js.br", "app.js.gz", "icon.png", "tiny.js"]
        );
        let mut decompressed = Vec::new();
        flate2::read::GzDecoder::new(&files["app.js.gz"][..])
            .read_to_end(&mut decompressed)
            .expect("is gzip");
        assert_eq!(decompressed, text);
        decompressed.clear();
        brotli::BrotliDecompress(&mut &files["app.js.br"][..], &mut decompressed)
            .expect("is brotli");
        assert_eq!(decompressed, text);
    }
}
