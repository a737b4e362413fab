//! The `tocsin` binary: the library's program with the browser files of `frontend/dist`, if built
//! with the feature `embed`. Only this small crate is rebuilt when they change.

use std::process::ExitCode;

use tocsin::BrowserFiles;

/// With the system's allocator, small allocations of many threads took a fifth of the CPU time of
/// an alert.
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
