//! Compressed copies of files.

use std::{io::Write as _, thread};

use anyhow::{Context as _, anyhow};

use crate::files::Files;

/// The extensions of files that compress well.
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

/// Adds `NAME.br` and `NAME.gz` for each file that shrinks.
pub(crate) fn add_copies(files: &mut Files) -> anyhow::Result<()> {
    let results = thread::scope(|scope| {
        // The programs take seconds and the others nothing: a thread for each is
        // enough for all processors to have work.
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
    fn only_files_that_shrink_have_copies() {
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
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&files["app.js.gz"][..])
            .read_to_end(&mut back)
            .expect("is gzip");
        assert_eq!(back, text);
        back.clear();
        brotli::BrotliDecompress(&mut &files["app.js.br"][..], &mut back).expect("is brotli");
        assert_eq!(back, text);
    }
}
