//! Selects the compiler that compiles the frontend to WebAssembly.
//!
//! The first of these that works is used:
//!
//! 1. the active toolchain, if it has the WebAssembly target;
//! 2. installed Debian packages, which build the standard library from source;
//! 3. the active toolchain, after rustup has added the target, if rustup is allowed to
//!    install it;
//! 4. Debian packages, installed now. They do not affect rustup.
//!
//! The target is not listed in a `rust-toolchain.toml`, because every cargo command
//! would then try to download it.
//!
//! The active toolchain is tested by compiling a program. Debian's compiler must have
//! the required version (`rust-version`), and a linker of the same LLVM version or
//! later, because the linker reads the compiler's object files.

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

/// Target triple of the frontend.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler, cargo, and the source of the standard library. All are built from
/// one source package, and so have the same version.
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const NEEDED_FOR: &str = "compiling the frontend to WebAssembly";

/// A toolchain for WebAssembly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The active toolchain, which has the target.
    Active,
    /// Debian's compiler with this linker.
    Debian { linker: PathBuf },
}

impl Toolchain {
    /// A `cargo build` command for WebAssembly, without package and directory.
    pub(crate) fn cargo_build(&self, project: &Project) -> Command {
        let machine = project.machine();
        let mut command = match self {
            Self::Active => project.bare_cargo(),
            Self::Debian { linker } => {
                let mut command = machine.command(machine.at("/usr/bin/cargo"));
                command
                    // These settings are for another compiler.
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env_remove("RUSTDOC")
                    .env("RUSTC", machine.at("/usr/bin/rustc"))
                    // Required by a stable compiler for `-Z build-std`.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                    // A wrapper such as sccache is set up for the other compiler.
                    // An empty value overrides cargo's configuration, an unset
                    // variable does not.
                    .env("RUSTC_WRAPPER", "")
                    .env("RUSTC_WORKSPACE_WRAPPER", "");
                command
            }
        };
        command.args(["build", "--target", TARGET]);
        if matches!(self, Self::Debian { .. }) {
            command.args(["-Z", "build-std=std,panic_abort"]);
        }
        // The user's flags are for native programs: their linker or CPU does not exist
        // for WebAssembly. An empty value overrides all other sources of flags.
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

/// Finds a toolchain. Installs or upgrades one if required and allowed.
pub(crate) fn find(project: &Project, apt: &Apt) -> Result<Toolchain> {
    let machine = project.machine();
    let scratch = project.target().join("wasm-check");
    let Err(problem) = compiles(machine, &scratch) else {
        return Ok(Toolchain::Active);
    };
    let required = project.rust_version()?;
    if apt.is_available()
        && let Ok(toolchain) = installed_debian(machine, apt, &required)
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
            // The other lines are progress messages.
            .map_err(|failed| failed.last_line().to_owned());
        match added.and_then(|_| compiles(machine, &scratch)) {
            Ok(()) => return Ok(Toolchain::Active),
            Err(error) if apt.is_available() => {
                terminal::note(&format!(
                    "rustup cannot add the target ({error}): using Debian packages instead"
                ));
            }
            Err(error) => {
                return Err(Failure::new(
                    "get a compiler for WebAssembly",
                    format!("{error}, and apt-get is not available to install another compiler"),
                    format!("Run `rustup target add {TARGET}`, then try again"),
                ));
            }
        }
    }
    if !apt.is_available() {
        return Err(Failure::new(
            "get a compiler for WebAssembly",
            format!(
                "The active Rust toolchain cannot compile for {TARGET} ({problem}), and rustup is {}",
                if has_rustup {
                    "not allowed to install anything (RUSTUP_AUTO_INSTALL=0)"
                } else {
                    "not installed"
                }
            ),
            format!(
                "Run `rustup target add {TARGET}`, or install your system's package for this target"
            ),
        ));
    }
    install_debian(machine, apt, &required, has_rustup)
}

/// Whether rustup is allowed to install components: not if `RUSTUP_AUTO_INSTALL=0`.
pub(crate) fn rustup_may_install(machine: &Machine) -> bool {
    machine
        .variable("RUSTUP_AUTO_INSTALL")
        .is_none_or(|value| value != "0")
}

/// Installs missing and outdated packages of Debian's compiler.
fn install_debian(
    machine: &Machine,
    apt: &Apt,
    required: &Version,
    has_rustup: bool,
) -> Result<Toolchain> {
    let problem = match installed_debian(machine, apt, required) {
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
                "{problem}, and only root can install packages (Rust {required} or later with {TARGET} is required)"
            ),
            format!(
                "{rustup}`apt-get update && apt-get install --no-install-recommends {} lld-NN` \
                 with the highest NN listed by `apt-cache pkgnames lld-`, then try again",
                PACKAGES.join(" ")
            ),
        ));
    }
    require_no_conflict(apt)?;
    terminal::note(&format!("{problem}: installing Debian packages"));
    apt.refresh_lists()?;
    let mut packages: Vec<_> = PACKAGES
        .into_iter()
        .map(|name| Package::new(name, NEEDED_FOR).at_least(required))
        .collect();
    if let Some(linker) = linker_package(apt) {
        packages.push(Package::new(linker, NEEDED_FOR));
    }
    apt.install(&packages)?;
    match installed_debian(machine, apt, required) {
        Ok(toolchain) => Ok(toolchain),
        // The LLVM version was not in the package lists; the installed compiler reports it.
        Err(Problem::Linker { llvm, .. }) => {
            apt.install(&[Package::new(format!("lld-{llvm}"), NEEDED_FOR)])?;
            installed_debian(machine, apt, required).map_err(|problem| still_unusable(&problem))
        }
        Err(problem) => Err(still_unusable(&problem)),
    }
}

fn still_unusable(problem: &Problem) -> Failure {
    Failure::new(
        "use Debian's compiler for WebAssembly",
        format!("Its packages are installed, but {problem}"),
        format!(
            "Run `apt-cache policy {}` to see the available versions",
            PACKAGES.join(" ")
        ),
    )
}

/// Linker package of the LLVM version of Debian's compiler, found in the dependencies of
/// its standard library.
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

/// Fails if an installed package conflicts with Debian's compiler for WebAssembly,
/// because apt would remove it.
fn require_no_conflict(apt: &Apt) -> Result<()> {
    for name in ["rustc", "rustup"] {
        if let Some(version) = apt.installed(name) {
            return Err(Failure::new(
                "install Debian's compiler for WebAssembly",
                format!(
                    "The Debian package {name} ({version}) is installed, and rustc-web would replace it"
                ),
                format!(
                    "Run `rustup target add {TARGET}`, or as root `apt-get remove {name}` if it is not needed, then try again"
                ),
            ));
        }
    }
    Ok(())
}

/// Reason why Debian's compiler cannot be used.
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
                    "wasm-ld is not installed, and the compiler requires that of LLVM {llvm}"
                )
            }
            Self::Linker {
                llvm,
                found: Some(version),
            } => write!(
                f,
                "wasm-ld is of LLVM {version}, and the compiler requires that of LLVM {llvm}"
            ),
        }
    }
}

/// Debian's compiler, if it is installed completely and has the required version.
fn installed_debian(
    machine: &Machine,
    apt: &Apt,
    required: &Version,
) -> Result<Toolchain, Problem> {
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
            Some(version) if version < *required => {
                return Err(Problem::Rust(format!(
                    "Debian's {name} {version} is installed, and {required} or later is required"
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
                format!("the source of Debian's standard library has another version ({version})")
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

/// The newest `wasm-ld` in `PATH` and in Debian's LLVM directories.
fn linker(machine: &Machine) -> Option<(PathBuf, Version)> {
    let mut candidates = machine.all_in_path("wasm-ld");
    let installed = machine.at("/usr/lib").read_dir();
    for entry in installed.into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with("llvm-")) {
            candidates.push(entry.path().join("bin/wasm-ld"));
        }
    }
    candidates
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

/// Checks that the active compiler can build a program for the target. This includes the
/// standard library, which can be missing although the target's directory exists.
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
