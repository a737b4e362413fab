//! The `tocsin` binary: the program of the library with the browser files of
//! `frontend/dist`, if it is built with the feature `embed`. Only this small crate
//! is built again when they change.

use std::process::ExitCode;

use tocsin::BrowserFiles;

/// Small allocations of many threads were a fifth of the processor's time of an
/// alert with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tocsin::main(browser_files())
}

#[cfg(feature = "embed")]
fn browser_files() -> BrowserFiles {
    use std::borrow::Cow;

    #[derive(rust_embed::Embed)]
    #[folder = "../../frontend/dist"]
    struct Dist;

    BrowserFiles::new(|name| match Dist::get(name)?.data {
        Cow::Borrowed(content) => Some(content),
        // Embedded files are always borrowed.
        Cow::Owned(_) => None,
    })
}

#[cfg(not(feature = "embed"))]
fn browser_files() -> BrowserFiles {
    BrowserFiles::NONE
}
