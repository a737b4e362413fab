//! From the compiler's WebAssembly to a module that a browser can load.

use std::{fs, path::Path};

use anyhow::Context as _;
use wasm_bindgen_cli_support::Bindgen;

use crate::options::Program;

/// Writes `NAME.js`, `NAME_bg.wasm` and perhaps `snippets/` into a folder, which
/// is emptied first.
pub(crate) fn bind(program: &Program, folder: &Path, release: bool) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    Bindgen::new()
        .input_path(&program.wasm)
        .out_name(&program.name)
        .web(true)?
        .typescript(false)
        // The file names get hashes afterwards, so the loader passes the URL.
        .omit_default_module_path(true)
        .debug(!release)
        .keep_debug(false)
        .remove_name_section(release)
        .remove_producers_section(release)
        .generate(folder)
        .with_context(|| format!("wasm-bindgen cannot read {}", program.wasm.display()))
}
