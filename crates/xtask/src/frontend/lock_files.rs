//! The library that writes the JavaScript must be of the version of the one that
//! is compiled into the program: they speak a private format between them.

use std::{fs, path::Path};

use crate::{
    failure::{Failure, FileContext as _, Result},
    project::Project,
};

/// Fails when the two lock files name different versions.
pub(crate) fn check_versions(project: &Project) -> Result<()> {
    let bundler = locked(&project.join("Cargo.lock"), "wasm-bindgen-cli-support")?;
    let program = locked(&project.frontend().join("Cargo.lock"), "wasm-bindgen")?;
    if bundler == program {
        return Ok(());
    }
    Err(Failure::new(
        "build the browser program",
        format!(
            "frontend/Cargo.lock has wasm-bindgen {program}, and Cargo.lock has wasm-bindgen-cli-support {bundler}; they must be the same"
        ),
        format!(
            "Set `wasm-bindgen-cli-support = \"={program}\"` in Cargo.toml, or run `cargo update -p wasm-bindgen --precise {bundler}` in frontend/"
        ),
    ))
}

fn locked(lock: &Path, package: &str) -> Result<String> {
    let text = fs::read_to_string(lock).file("read", lock)?;
    match &versions(&text, package)[..] {
        [version] => Ok((*version).to_owned()),
        found => Err(Failure::new(
            format!("find the version of {package} in {}", lock.display()),
            format!("It names {} versions of it", found.len()),
            "Restore the file with `git checkout`, or make it again with `cargo update`",
        )),
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
    fn a_lock_file_gives_the_version_of_the_package_of_that_very_name() {
        assert_eq!(versions(LOCK, "wasm-bindgen"), ["0.2.130"]);
        assert_eq!(versions(LOCK, "wasm-bindgen-macro"), ["0.2.131"]);
        assert!(versions(LOCK, "wasm-bindgen-cli").is_empty());
    }

    fn check(program: &str, bundler: &str) -> Result<()> {
        let fake = FakeMachine::new()
            .file(
                "frontend/Cargo.lock",
                &format!("name = \"wasm-bindgen\"\nversion = \"{program}\"\n"),
            )
            .file(
                "Cargo.lock",
                &format!("name = \"wasm-bindgen-cli-support\"\nversion = \"{bundler}\"\n"),
            );
        check_versions(&Project::new(fake.root(), fake.machine()))
    }

    #[test]
    fn two_versions_stop_the_build_with_a_remedy() {
        assert_eq!(check("0.2.130", "0.2.130"), Ok(()));
        let error = check("0.2.131", "0.2.130").unwrap_err().to_string();
        assert!(error.contains("=0.2.131"), "{error}");
        assert!(error.contains("--precise 0.2.130"), "{error}");
    }
}
