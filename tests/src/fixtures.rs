//! The bodies under `tests/fixtures/payloads`.

use std::path::Path;

/// A body as it came over the wire, byte for byte. `name` without `.json`.
///
/// # Panics
/// There is no such file.
#[must_use]
pub fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/payloads/{name}.json"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
