//! Which compiler turns the browser program into WebAssembly.
//!
//! In this order: the active toolchain, if it can compile for the target;
//! Debian's packages, if they are installed and fit; rustup, if it is there and
//! may install things; Debian's packages, installed now. These do not touch a
//! rustup and build the standard library from its source. The target is not in a
//! `rust-toolchain.toml` on purpose: every call of cargo would try to fetch it.
//!
//! A compiler counts when it compiles, and Debian's when its version is that of
//! the project (`rust-version`) and its linker is of its LLVM: the linker reads
//! the compiler's objects.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tocsin_machine::{Machine, Version};

use crate::{
    apt::{Apt, Package},
    failure::{Failure, FileContext as _, Result},
    project::Project,
    terminal,
};

/// What the browser program is compiled for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler, cargo, and the source of the standard library: of one
/// source package, so of one version.
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
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
    pub(crate) fn cargo_build(&self, project: &Project) -> Command {
        let machine = project.machine();
        let mut command = match self {
            Self::Active => project.bare_cargo(),
            Self::Debian { linker } => {
                let mut command = machine.command(machine.at("/usr/bin/cargo"));
                command
                    // Another compiler than the one of these settings.
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env_remove("RUSTDOC")
                    .env("RUSTC", machine.at("/usr/bin/rustc"))
                    // Lets a stable compiler build its standard library.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                    // A wrapper such as sccache knows the other compiler. Empty
                    // wins over the user's configuration file, unset does not.
                    .env("RUSTC_WRAPPER", "")
                    .env("RUSTC_WORKSPACE_WRAPPER", "");
                command
            }
        };
        command.args(["build", "--target", TARGET]);
        if matches!(self, Self::Debian { .. }) {
            command.args(["-Z", "build-std=std,panic_abort"]);
        }
        // The user's flags are for the machine's own programs: a linker or a
        // processor that is named in them does not exist for WebAssembly. Set to
        // nothing, this variable wins over every other source of flags.
        command
            .env_remove("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", "");
        command
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Active => "the active Rust toolchain",
            Self::Debian { .. } => "Debian's Rust",
        }
    }
}

/// Finds a toolchain, installing or upgrading one where that is allowed.
pub(crate) fn find(project: &Project, apt: &Apt) -> Result<Toolchain> {
    let machine = project.machine();
    let scratch = project.target().join("wasm-check");
    let Err(problem) = compiles(machine, &scratch) else {
        return Ok(Toolchain::Active);
    };
    let needed = project.rust_version()?;
    if apt.is_here()
        && let Ok(toolchain) = fit(machine, apt, &needed)
    {
        return Ok(toolchain);
    }
    let has_rustup = machine.find("rustup").is_some();
    if has_rustup && rustup_may_install(machine) {
        terminal::change(&format!(
            "Adding the compiler's WebAssembly target (rustup target add {TARGET})"
        ));
        let mut rustup = machine.command("rustup");
        let added = machine
            .output(rustup.args(["target", "add", TARGET]))
            // The lines before tell of its progress.
            .map_err(|failed| failed.last_line().to_owned());
        match added.and_then(|_| compiles(machine, &scratch)) {
            Ok(()) => return Ok(Toolchain::Active),
            Err(error) if apt.is_here() => {
                terminal::note(&format!(
                    "rustup cannot add it ({error}): using Debian's packages instead"
                ));
            }
            Err(error) => {
                return Err(Failure::new(
                    "get a compiler for WebAssembly",
                    format!("{error}, and there is no apt-get to get another compiler with"),
                    format!("Run `rustup target add {TARGET}`, and then the same command again"),
                ));
            }
        }
    }
    if !apt.is_here() {
        return Err(Failure::new(
            "get a compiler for WebAssembly",
            format!(
                "The Rust in use does not compile for {TARGET} ({problem}), and rustup is {}",
                if has_rustup {
                    "not allowed to install anything (RUSTUP_AUTO_INSTALL=0)"
                } else {
                    "not installed"
                }
            ),
            format!(
                "Run `rustup target add {TARGET}`, or install your system's package for that target"
            ),
        ));
    }
    debian(machine, apt, &needed, has_rustup)
}

/// `RUSTUP_AUTO_INSTALL=0` is the user's word that rustup installs nothing by itself.
pub(crate) fn rustup_may_install(machine: &Machine) -> bool {
    machine
        .variable("RUSTUP_AUTO_INSTALL")
        .is_none_or(|value| value != "0")
}

/// Debian's compiler, with what is missing or too old of it installed.
fn debian(machine: &Machine, apt: &Apt, needed: &Version, has_rustup: bool) -> Result<Toolchain> {
    let problem = match fit(machine, apt, needed) {
        Ok(toolchain) => return Ok(toolchain),
        Err(problem) => problem,
    };
    if !apt.may_install() {
        let rustup = if has_rustup {
            format!("Run `rustup target add {TARGET}`, or as root ")
        } else {
            "As root, run ".to_owned()
        };
        return Err(Failure::new(
            "get a compiler for WebAssembly",
            format!(
                "{problem}, and only root can install packages (this needs Rust {needed} or later for {TARGET})"
            ),
            format!(
                "{rustup}`apt-get update && apt-get install --no-install-recommends {} lld-NN` \
                 with the newest NN that `apt-cache pkgnames lld-` lists, and then the same command again",
                PACKAGES.join(" ")
            ),
        ));
    }
    require_no_conflict(apt)?;
    terminal::note(&format!("{problem}: installing Debian's packages"));
    apt.refresh_lists()?;
    let mut wanted: Vec<_> = PACKAGES
        .into_iter()
        .map(|name| Package::new(name, NEEDED_FOR).at_least(needed))
        .collect();
    if let Some(linker) = linker_package(apt) {
        wanted.push(Package::new(linker, NEEDED_FOR));
    }
    apt.install(&wanted)?;
    match fit(machine, apt, needed) {
        Ok(toolchain) => Ok(toolchain),
        // The lists did not say which LLVM the compiler has; it does now.
        Err(Problem::Linker { llvm, .. }) => {
            apt.install(&[Package::new(format!("lld-{llvm}"), NEEDED_FOR)])?;
            fit(machine, apt, needed).map_err(|problem| still_unfit(&problem))
        }
        Err(problem) => Err(still_unfit(&problem)),
    }
}

fn still_unfit(problem: &Problem) -> Failure {
    Failure::new(
        "use Debian's compiler for WebAssembly",
        format!("Its packages are installed, but {problem}"),
        format!(
            "See with `apt-cache policy {}` which versions are offered and why",
            PACKAGES.join(" ")
        ),
    )
}

/// The linker of the LLVM that Debian's compiler is built with: the packages of its
/// standard library depend on it.
fn linker_package(apt: &Apt) -> Option<String> {
    let mut packages = vec!["rustc-web".to_owned()];
    let mut next = 0;
    while let Some(package) = packages.get(next).cloned() {
        for name in apt.dependencies(&package) {
            if let Some(version) = name.strip_prefix("libllvm") {
                let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
                return Some(format!("lld-{digits}"));
            }
            if name.starts_with("libstd-rust") && !packages.contains(&name) {
                packages.push(name);
            }
        }
        next += 1;
    }
    None
}

/// Fails where a package of the user's excludes Debian's compiler for WebAssembly:
/// apt would remove it.
fn require_no_conflict(apt: &Apt) -> Result<()> {
    for name in ["rustc", "rustup"] {
        if let Some(version) = apt.installed(name) {
            return Err(Failure::new(
                "install Debian's compiler for WebAssembly",
                format!(
                    "The Debian package {name} ({version}) is installed, and rustc-web replaces it"
                ),
                format!(
                    "Run `rustup target add {TARGET}`, or if you do not need {name}, as root `apt-get remove {name}`, and then the same command again"
                ),
            ));
        }
    }
    Ok(())
}

/// What is wrong with Debian's compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    Rust(String),
    Linker { llvm: u64, found: Option<Version> },
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rust(text) => f.write_str(text),
            Self::Linker { llvm, found: None } => {
                write!(
                    f,
                    "there is no wasm-ld, and the compiler needs that of LLVM {llvm}"
                )
            }
            Self::Linker {
                llvm,
                found: Some(version),
            } => write!(
                f,
                "wasm-ld is of LLVM {version}, and the compiler needs that of LLVM {llvm}"
            ),
        }
    }
}

/// Debian's compiler, if it is new enough and complete.
fn fit(machine: &Machine, apt: &Apt, needed: &Version) -> Result<Toolchain, Problem> {
    let version_of = |program: &str, argument: &str| {
        let path = machine.at(program);
        machine
            .output(
                machine
                    .command(&path)
                    .arg(argument)
                    .env_remove("RUSTUP_TOOLCHAIN"),
            )
            .ok()
    };
    let rustc = version_of("/usr/bin/rustc", "-vV");
    let cargo = version_of("/usr/bin/cargo", "--version");
    for (name, text) in [("rustc", &rustc), ("cargo", &cargo)] {
        match text.as_deref().and_then(Version::parse) {
            None => {
                return Err(Problem::Rust(format!("Debian's {name} is not installed")));
            }
            Some(version) if version < *needed => {
                return Err(Problem::Rust(format!(
                    "Debian's {name} {version} is installed and {needed} or later is needed"
                )));
            }
            Some(_) => {}
        }
    }
    let source = apt.installed("rust-web-src");
    if source.is_none() || source != apt.installed("rustc-web") {
        return Err(Problem::Rust(match source {
            None => "the source of Debian's standard library is not installed".to_owned(),
            Some(version) => {
                format!("the source of Debian's standard library is of another version ({version})")
            }
        }));
    }
    let llvm = rustc
        .as_deref()
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("LLVM version: "))
        .and_then(Version::parse)
        .map_or(0, |version| version.major());
    match linker(machine) {
        Some((path, version)) if version.major() >= llvm => Ok(Toolchain::Debian { linker: path }),
        found => Err(Problem::Linker {
            llvm,
            found: found.map(|(_, version)| version),
        }),
    }
}

/// The newest `wasm-ld` of the path and of Debian's LLVM folders.
fn linker(machine: &Machine) -> Option<(PathBuf, Version)> {
    let mut places = machine.all_in_path("wasm-ld");
    let installed = machine.at("/usr/lib").read_dir();
    for entry in installed.into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with("llvm-")) {
            places.push(entry.path().join("bin/wasm-ld"));
        }
    }
    places
        .into_iter()
        .filter_map(|path| {
            let text = machine
                .output(machine.command(&path).arg("--version"))
                .ok()?;
            Some((Version::parse(&text)?, path))
        })
        .max()
        .map(|(version, path)| (path, version))
}

/// Whether the active compiler makes a program for the target, with the standard
/// library in it: its folder may be there and incomplete.
fn compiles(machine: &Machine, scratch: &Path) -> Result<(), String> {
    let write = || -> Result<()> {
        fs::create_dir_all(scratch).file("create", scratch)?;
        let source = scratch.join("check.rs");
        fs::write(&source, "fn main() { println!(\"\"); }\n").file("write", &source)
    };
    write().map_err(|failure| failure.to_string())?;
    let rustc = machine.variable("RUSTC").unwrap_or("rustc".as_ref());
    let mut command = machine.command(rustc);
    command
        .args(["--target", TARGET, "--crate-name", "check", "check.rs"])
        .current_dir(scratch);
    let failed = match machine.output(&mut command) {
        Ok(_) => return Ok(()),
        Err(failed) => failed,
    };
    let first = failed.stderr.lines().find(|line| line.contains("error"));
    Err(first.map_or(failed.reason, str::to_owned))
}

#[cfg(test)]
mod tests;
