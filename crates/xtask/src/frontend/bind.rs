//! From the compiler's WebAssembly to a module that a browser can load.

use std::{fs, path::Path};

use anyhow::{Context as _, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::project::Project;

/// The library that writes the JavaScript must be of the version of the one that
/// is compiled into the program: they speak a private format between them.
pub(super) fn check_versions(project: &Project) -> anyhow::Result<()> {
    let ours = locked(&project.join("Cargo.lock"), "wasm-bindgen-cli-support")?;
    let theirs = locked(&project.frontend().join("Cargo.lock"), "wasm-bindgen")?;
    ensure!(
        ours == theirs,
        "frontend/Cargo.lock has wasm-bindgen {theirs}, but Cargo.lock has wasm-bindgen-cli-support {ours}: \
         set `wasm-bindgen-cli-support = \"={theirs}\"` in Cargo.toml, or run \
         `cargo update -p wasm-bindgen --precise {ours}` in frontend/"
    );
    Ok(())
}

/// Writes `NAME.js`, `NAME_bg.wasm` and perhaps `snippets/` into a folder.
pub(super) fn bind(wasm: &Path, name: &str, folder: &Path, release: bool) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    Bindgen::new()
        .input_path(wasm)
        .out_name(name)
        .web(true)?
        .typescript(false)
        // The names get a hash afterwards, so the loader says where the program is.
        .omit_default_module_path(true)
        .debug(!release)
        .keep_debug(false)
        .remove_name_section(release)
        .remove_producers_section(release)
        .generate(folder)
        .with_context(|| format!("wasm-bindgen cannot read {}", wasm.display()))
}

fn locked(lock: &Path, package: &str) -> anyhow::Result<String> {
    let text =
        fs::read_to_string(lock).with_context(|| format!("cannot read {}", lock.display()))?;
    match &versions(&text, package)[..] {
        [version] => Ok((*version).to_owned()),
        [] => bail!("{} does not name {package}", lock.display()),
        several => bail!(
            "{} names several versions of {package}: {}",
            lock.display(),
            several.join(", ")
        ),
    }
}

/// Every version of a package that a lock file names.
fn versions<'a>(lock: &'a str, package: &str) -> Vec<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines();
    let mut found = Vec::new();
    // Cargo writes the version on the line after the name.
    while lines.by_ref().any(|line| line == name) {
        let version = lines
            .next()
            .and_then(|line| line.strip_prefix("version = \""))
            .and_then(|line| line.strip_suffix('"'));
        found.extend(version);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
[[package]]
name = "wasm-bindgen"
version = "0.2.130"
dependencies = [
 "wasm-bindgen-macro",
]

[[package]]
name = "wasm-bindgen-macro"
version = "0.2.131"
"#;

    #[test]
    fn a_lock_file_tells_the_version_of_the_package_of_that_very_name() {
        assert_eq!(versions(LOCK, "wasm-bindgen"), ["0.2.130"]);
        assert_eq!(versions(LOCK, "wasm-bindgen-macro"), ["0.2.131"]);
        assert!(versions(LOCK, "wasm-bindgen-cli").is_empty());
    }

    fn project_with(frontend: &str, ours: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir(root.path().join("frontend")).expect("a folder");
        fs::write(
            root.path().join("frontend/Cargo.lock"),
            format!("name = \"wasm-bindgen\"\nversion = \"{frontend}\"\n"),
        )
        .expect("a file");
        fs::write(
            root.path().join("Cargo.lock"),
            format!("name = \"wasm-bindgen-cli-support\"\nversion = \"{ours}\"\n"),
        )
        .expect("a file");
        root
    }

    #[test]
    fn two_versions_stop_the_build_and_say_how_to_go_on() {
        let same = project_with("0.2.130", "0.2.130");
        assert!(check_versions(&Project::at(same.path())).is_ok());
        let other = project_with("0.2.131", "0.2.130");
        let error = check_versions(&Project::at(other.path()))
            .expect_err("must differ")
            .to_string();
        assert!(error.contains("=0.2.131"), "{error}");
        assert!(error.contains("--precise 0.2.130"), "{error}");
    }
}
