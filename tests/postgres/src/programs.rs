//! Where PostgreSQL's programs are.

use std::path::PathBuf;
use std::sync::OnceLock;

use tocsin_machine::{Machine, POSTGRESQL};

/// One of the server's programs.
pub(crate) fn find(program: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| match POSTGRESQL.find(&Machine::here()) {
        Ok(found) => found.path,
        Err(not_found) => panic!("{not_found}"),
    });
    folder.join(program)
}
