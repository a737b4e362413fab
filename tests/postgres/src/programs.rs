//! Where PostgreSQL's programs are.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

const NEEDED: [&str; 5] = ["initdb", "pg_ctl", "pg_isready", "postgres", "psql"];

/// One of the newest server's programs.
pub(crate) fn find(program: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(directory).join(program)
}

fn directory() -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<(u32, PathBuf)> = installed
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort();
    let named = std::env::var_os("TOCSIN_TEST_POSTGRES_BIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut complete = named
        .into_iter()
        .chain(found.into_iter().rev().map(|(_, bin)| bin))
        .chain(std::env::split_paths(&path))
        .filter(|bin| NEEDED.iter().all(|program| bin.join(program).is_file()));
    complete.next().unwrap_or_else(|| {
        panic!(
            "{} are neither under /usr/lib/postgresql nor in PATH: install the package \
             postgresql",
            NEEDED.join(", ")
        )
    })
}
