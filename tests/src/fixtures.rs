//! The webhook bodies in `tests/fixtures/payloads`.

use std::path::Path;

/// A captured body, byte for byte. `name` is the file name without `.json`.
///
/// # Panics
/// If there is no such file.
#[must_use]
pub fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/payloads/{name}.json"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
