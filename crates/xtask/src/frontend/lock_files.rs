//! Checks that `wasm-bindgen-cli-support`, which generates the JavaScript, has the same
//! version as `wasm-bindgen` in the frontend: the format between them is private.

use std::{fs, path::Path};

use crate::{
    failure::{Failure, FileContext as _, Result},
    project::Project,
};

/// Fails if the two lock files have different versions.
pub(crate) fn check_versions(project: &Project) -> Result<()> {
    let bundler = locked_version(&project.join("Cargo.lock"), "wasm-bindgen-cli-support")?;
    let frontend = locked_version(&project.frontend().join("Cargo.lock"), "wasm-bindgen")?;
    if bundler == frontend {
        return Ok(());
    }
    Err(Failure::new(
        "build the frontend",
        format!(
            "frontend/Cargo.lock has wasm-bindgen {frontend}, but Cargo.lock has wasm-bindgen-cli-support {bundler}; the versions must be equal"
        ),
        format!(
            "Set `wasm-bindgen-cli-support = \"={frontend}\"` in Cargo.toml, or run `cargo update -p wasm-bindgen --precise {bundler}` in frontend/"
        ),
    ))
}

fn locked_version(lock: &Path, package: &str) -> Result<String> {
    let text = fs::read_to_string(lock).file("read", lock)?;
    match &versions(&text, package)[..] {
        [version] => Ok((*version).to_owned()),
        found => Err(Failure::new(
            format!("find the version of {package} in {}", lock.display()),
            format!("It has {} versions of it", found.len()),
            "Restore the file with `git checkout`, or regenerate it with `cargo update`",
        )),
    }
}

/// All versions of a package in a lock file.
fn versions<'a>(lock: &'a str, package: &str) -> Vec<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines();
    let mut found = Vec::new();
    // In a lock file, the version is on the line after the name.
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
    use tocsin_machine::fake::FakeMachine;

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
    fn package_names_are_matched_exactly() {
        assert_eq!(versions(LOCK, "wasm-bindgen"), ["0.2.130"]);
        assert_eq!(versions(LOCK, "wasm-bindgen-macro"), ["0.2.131"]);
        assert!(versions(LOCK, "wasm-bindgen-cli").is_empty());
    }

    fn check(frontend: &str, bundler: &str) -> Result<()> {
        let fake = FakeMachine::new()
            .file(
                "frontend/Cargo.lock",
                &format!("name = \"wasm-bindgen\"\nversion = \"{frontend}\"\n"),
            )
            .file(
                "Cargo.lock",
                &format!("name = \"wasm-bindgen-cli-support\"\nversion = \"{bundler}\"\n"),
            );
        check_versions(&Project::new(fake.root(), fake.machine()))
    }

    #[test]
    fn different_versions_are_an_error_with_a_fix() {
        assert_eq!(check("0.2.130", "0.2.130"), Ok(()));
        let error = check("0.2.131", "0.2.130").unwrap_err().to_string();
        assert!(error.contains("=0.2.131"), "{error}");
        assert!(error.contains("--precise 0.2.130"), "{error}");
    }
}
