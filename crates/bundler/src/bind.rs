//! Runs wasm-bindgen, which turns compiled WebAssembly into an ES module.

use std::{fs, path::Path};

use anyhow::Context as _;
use wasm_bindgen_cli_support::Bindgen;

use crate::options::Program;

/// Writes `NAME.js`, `NAME_bg.wasm` and optionally `snippets/` into a directory, which
/// is cleared first.
pub(crate) fn bind(program: &Program, folder: &Path, release: bool) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    Bindgen::new()
        .input_path(&program.wasm)
        .out_name(&program.name)
        .web(true)?
        .typescript(false)
        // The file names get hashes later: the loader passes the URL.
        .omit_default_module_path(true)
        .debug(!release)
        .keep_debug(false)
        .remove_name_section(release)
        .remove_producers_section(release)
        .generate(folder)
        .with_context(|| format!("wasm-bindgen failed for {}", program.wasm.display()))
}
