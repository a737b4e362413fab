//! Which compiler turns the browser program into WebAssembly.
//!
//! In this order: the active toolchain, if it has the target; rustup, if it is
//! there and may install things; Debian's own packages, which do not touch a
//! rustup and build the standard library from its source. The target is not in
//! a `rust-toolchain.toml` on purpose: every call of cargo would try to fetch it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::{
    process, project, say,
    system::{self, Package},
};

/// What the browser program is compiled for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const NEEDED_FOR: &str = "compiling the browser program to WebAssembly";

/// A way to call cargo for WebAssembly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The compiler in use has the target.
    Active,
    /// Debian's compiler and this linker.
    Debian { linker: PathBuf },
}

impl Toolchain {
    /// `cargo build` for the browser; the caller adds the rest.
    pub(crate) fn cargo_build(&self) -> Command {
        match self {
            Self::Active => {
                let mut command = project::cargo();
                command.args(["build", "--target", TARGET]);
                command
            }
            Self::Debian { linker } => {
                let mut command = Command::new("/usr/bin/cargo");
                project::forget_this_package(&mut command);
                command
                    // Another compiler than the one of these settings.
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env_remove("RUSTDOC")
                    .env_remove("RUSTC_WRAPPER")
                    .env("RUSTC", "/usr/bin/rustc")
                    // Lets a stable compiler build its standard library.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                    .args(["build", "--target", TARGET])
                    .args(["-Z", "build-std=std,panic_abort"]);
                command
            }
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Active => "the active Rust toolchain",
            Self::Debian { .. } => "Debian's Rust",
        }
    }
}

/// Finds a toolchain, installing one where that is allowed.
pub(crate) fn find() -> anyhow::Result<Toolchain> {
    match choose(&Seen::look()) {
        Choice::Active => Ok(Toolchain::Active),
        Choice::Rustup => {
            say::change(&format!(
                "Adding the compiler's WebAssembly target (rustup target add {TARGET})"
            ));
            match process::check(Command::new("rustup").args(["target", "add", TARGET])) {
                Ok(()) => Ok(Toolchain::Active),
                Err(error) => {
                    say::note(&format!("{error:#}; trying Debian's packages"));
                    debian()
                }
            }
        }
        Choice::Debian => debian(),
        Choice::Nothing => bail!(
            "the compiler has no WebAssembly target, and there is neither rustup nor apt-get to add it; run `rustup target add {TARGET}` or what your system has for it"
        ),
    }
}

/// Debian's compiler, with what is missing of it installed.
fn debian() -> anyhow::Result<Toolchain> {
    let mut missing: Vec<_> = DEBIAN_PACKAGES
        .into_iter()
        .filter(|name| !system::is_installed(name))
        .map(|name| Package::new(name, NEEDED_FOR))
        .collect();
    let linker = linker();
    if linker.is_none() {
        if system::may_install() {
            system::refresh_lists_for(DEBIAN_PACKAGES)?;
        }
        // The compiler's objects are of its own LLVM: the newest linker reads them.
        let newest = system::newest_numbered("lld-").unwrap_or_else(|| "lld".to_owned());
        missing.push(Package::new(newest, NEEDED_FOR));
    }
    system::install(&missing).context("no WebAssembly toolchain")?;
    let linker = linker
        .or_else(self::linker)
        .context("the package lld is installed, but there is no wasm-ld in the path")?;
    Ok(Toolchain::Debian { linker })
}

/// The newest `wasm-ld` in the path: `wasm-ld-NN` before one without a number.
fn linker() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let names: Vec<String> = env::split_paths(&path)
        .filter_map(|folder| folder.read_dir().ok())
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("wasm-ld"))
        .collect();
    let names = names.iter().map(String::as_str);
    match system::newest_of("wasm-ld-", names) {
        Some(name) => process::find([name.as_str()]),
        None => process::find(["wasm-ld"]),
    }
}

/// What a look at the machine tells about its toolchains.
#[derive(Debug)]
struct Seen {
    /// The active compiler has the target's standard library.
    target: bool,
    /// There is a rustup.
    rustup: bool,
    /// The user lets rustup install things by itself.
    rustup_allowed: bool,
    /// There is an apt-get.
    debian: bool,
}

impl Seen {
    fn look() -> Self {
        Self {
            target: has_target(),
            rustup: process::find(["rustup"]).is_some(),
            rustup_allowed: env::var_os("RUSTUP_AUTO_INSTALL").is_none_or(|value| value != "0"),
            debian: process::find(["apt-get"]).is_some(),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Choice {
    Active,
    Rustup,
    Debian,
    Nothing,
}

fn choose(seen: &Seen) -> Choice {
    if seen.target {
        Choice::Active
    } else if seen.rustup && seen.rustup_allowed {
        Choice::Rustup
    } else if seen.debian {
        Choice::Debian
    } else {
        Choice::Nothing
    }
}

fn has_target() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let folder =
        process::output(Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]));
    folder.is_ok_and(|folder| {
        Path::new(folder.trim())
            .read_dir()
            .is_ok_and(|mut files| files.next().is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(target: bool, rustup: bool, rustup_allowed: bool, debian: bool) -> Seen {
        Seen {
            target,
            rustup,
            rustup_allowed,
            debian,
        }
    }

    #[test]
    fn an_installed_target_is_used_before_anything_is_changed() {
        assert_eq!(choose(&seen(true, true, true, true)), Choice::Active);
    }

    #[test]
    fn rustup_is_asked_only_where_it_may_install() {
        assert_eq!(choose(&seen(false, true, true, true)), Choice::Rustup);
        assert_eq!(choose(&seen(false, true, false, true)), Choice::Debian);
        assert_eq!(choose(&seen(false, false, true, true)), Choice::Debian);
        assert_eq!(choose(&seen(false, true, false, false)), Choice::Nothing);
    }

    #[test]
    fn debians_cargo_builds_the_standard_library() {
        let command = Toolchain::Debian {
            linker: "/usr/bin/wasm-ld-22".into(),
        }
        .cargo_build();
        let arguments: Vec<_> = command.get_args().collect();
        assert_eq!(command.get_program(), "/usr/bin/cargo");
        assert!(arguments.contains(&"build-std=std,panic_abort".as_ref()));
    }
}
