//! Which compiler turns the browser program into WebAssembly.
//!
//! In this order: the active toolchain, if it can compile for the target;
//! rustup, if it is there and may install things; Debian's own packages, which
//! do not touch a rustup and build the standard library from its source. The
//! target is not in a `rust-toolchain.toml` on purpose: every call of cargo
//! would try to fetch it.
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
    let has_rustup = machine.find("rustup").is_some();
    if has_rustup && rustup_may_install(machine) {
        terminal::change(&format!(
            "Adding the compiler's WebAssembly target (rustup target add {TARGET})"
        ));
        let mut rustup = machine.command("rustup");
        let added = machine
            .output(rustup.args(["target", "add", TARGET]))
            .map_err(|failed| failed.to_string());
        match added.and_then(|_| compiles(machine, &scratch)) {
            Ok(()) => return Ok(Toolchain::Active),
            Err(error) if apt.is_here() => {
                terminal::note(&format!("{error}; using Debian's packages instead"));
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
    debian(project, apt, has_rustup)
}

/// `RUSTUP_AUTO_INSTALL=0` is the user's word that rustup installs nothing by itself.
pub(crate) fn rustup_may_install(machine: &Machine) -> bool {
    machine
        .variable("RUSTUP_AUTO_INSTALL")
        .is_none_or(|value| value != "0")
}

/// Debian's compiler, with what is missing or too old of it installed.
fn debian(project: &Project, apt: &Apt, has_rustup: bool) -> Result<Toolchain> {
    let machine = project.machine();
    let needed = project.rust_version()?;
    let Err(problem) = fit(machine, apt, &needed) else {
        return fit(machine, apt, &needed).map_err(|problem| still_unfit(&problem));
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
        .map(|name| Package::new(name, NEEDED_FOR).at_least(&needed))
        .collect();
    if let Some(linker) = linker_package(apt) {
        wanted.push(Package::new(linker, NEEDED_FOR));
    }
    apt.install(&wanted)?;
    match fit(machine, apt, &needed) {
        Ok(toolchain) => Ok(toolchain),
        // The lists did not say which LLVM the compiler has; it does now.
        Err(Problem::Linker { llvm, .. }) => {
            apt.install(&[Package::new(format!("lld-{llvm}"), NEEDED_FOR)])?;
            fit(machine, apt, &needed).map_err(|problem| still_unfit(&problem))
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
mod tests {
    use tocsin_machine::fake::FakeMachine;

    use super::*;

    const NEEDED: &str = "1.95";

    /// Which Rust Debian's packages are, and what the lists offer.
    struct Debian {
        installed: Option<&'static str>,
        lists: &'static str,
        fresh: &'static str,
        held: bool,
    }

    impl Default for Debian {
        fn default() -> Self {
            Self {
                installed: None,
                lists: "1.85.0+dfsg3-1",
                fresh: "1.96.0+dfsg1-1",
                held: false,
            }
        }
    }

    /// A machine with a rustup toolchain without the target, and with Debian's
    /// package manager: `apt-get update` brings the fresh lists, and `apt-get
    /// install` what the lists offer.
    fn machine(debian: &Debian, user: &str) -> FakeMachine {
        let Debian {
            installed,
            lists,
            fresh,
            held,
        } = debian;
        let fake = FakeMachine::new()
            .file("Cargo.toml", &format!("rust-version = \"{NEEDED}\"\n"))
            .file("offered", lists)
            .file("held", if *held { "rustc-web\n" } else { "" })
            .prints("id", user)
            .script("/home/.cargo/bin/rustc", "echo \"error[E0463]: can't find crate for `std`\" >&2; exit 1")
            .script("/home/.cargo/bin/cargo", "echo 'cargo 1.95.0'")
            .script(
                "/usr/bin/apt-get",
                &format!(
                    r#"case "$1" in
                    update) echo '{fresh}' > "$ROOT/offered";;
                    install) read -r v < "$ROOT/offered"; echo "$v" > "$ROOT/installed"
                      l=19; case "$v" in 1.96*) l=22;; esac
                      for p in rustc cargo; do
                        printf '#!/bin/sh\necho "%s %s"\necho "LLVM version: %s.1"\n' "$p" "$v" "$l" > "$ROOT/usr/bin/$p"
                        /bin/chmod +x "$ROOT/usr/bin/$p"
                      done
                      case "$*" in *lld-*) n="${{*##*lld-}}"; n="${{n%% *}}"
                        /bin/mkdir -p "$ROOT/usr/lib/llvm-$n/bin"
                        printf '#!/bin/sh\necho "Debian LLD %s.1.2"\n' "$n" > "$ROOT/usr/lib/llvm-$n/bin/wasm-ld"
                        /bin/chmod +x "$ROOT/usr/lib/llvm-$n/bin/wasm-ld";;
                      esac;;
                    esac"#
                ),
            )
            .script(
                "/usr/bin/apt-cache",
                r#"read -r v < "$ROOT/offered"
                l=19; case "$v" in 1.96*) l=22;; esac
                case "$1" in
                  policy) echo "$2:"; echo "  Installed: (none)"; echo "  Candidate: $v";;
                  depends) echo "$2"; echo "  Depends: libc6"; case "$2" in
                    rustc-web) echo "  Depends: libstd-rust-web-dev";;
                    libstd-rust-web-dev) echo "  Depends: libstd-rust-web-1.96";;
                    libstd-rust-web-1.96) echo "  Depends: libllvm$l";;
                  esac;;
                esac"#,
            )
            .script("/usr/bin/apt-mark", "/bin/cat \"$ROOT/held\"")
            .script("/usr/bin/dpkg", "")
            .script(
                "/usr/bin/dpkg-query",
                r#"case "$4" in rustc|rustup) exit 1;; esac
                [ -e "$ROOT/installed" ] || exit 1
                read -r v < "$ROOT/installed"; echo "installed $v""#,
            );
        let Some(version) = installed else {
            return fake;
        };
        let llvm = if version.starts_with("1.96") { 22 } else { 19 };
        let text = |name: &str| format!("echo '{name} {version}'; echo 'LLVM version: {llvm}.1'");
        fake.file("installed", &format!("{version}\n"))
            .script("/usr/bin/rustc", &text("rustc"))
            .script("/usr/bin/cargo", &text("cargo"))
            .script(
                &format!("/usr/lib/llvm-{llvm}/bin/wasm-ld"),
                &format!("echo 'Debian LLD {llvm}.1.2'"),
            )
    }

    fn look(fake: &FakeMachine, variables: &[(&str, &str)]) -> Result<Toolchain> {
        let mut machine = fake.with_path(&["/home/.cargo/bin", "/usr/bin"]);
        for (name, value) in variables {
            machine = machine.with(name, *value);
        }
        let project = Project::new(fake.root(), machine);
        find(&project, &Apt::new(project.machine()))
    }

    fn is_debian(result: &Result<Toolchain>) -> bool {
        matches!(result, Ok(Toolchain::Debian { linker }) if linker.ends_with("usr/lib/llvm-22/bin/wasm-ld"))
    }

    #[test]
    fn a_compiler_that_has_the_target_is_used_before_anything_is_changed() {
        let fake = machine(&Debian::default(), "0").script("/home/.cargo/bin/rustc", "exit 0");
        assert_eq!(look(&fake, &[]), Ok(Toolchain::Active));
        assert!(!fake.calls().contains("apt-get"));
    }

    #[test]
    fn packages_are_installed_from_lists_of_this_run() {
        let fake = machine(&Debian::default(), "0");
        let result = look(&fake, &[]);
        assert!(is_debian(&result), "{result:?}");
        let calls = fake.calls();
        let update = calls.find("apt-get update").unwrap();
        let install = calls.find("apt-get install").unwrap();
        assert!(update < install, "{calls}");
        assert_eq!(calls.matches("apt-get update").count(), 1);
        assert!(
            calls.contains("rustc-web cargo-web rust-web-src lld-22"),
            "{calls}"
        );
    }

    #[test]
    fn an_older_installed_compiler_is_upgraded() {
        let debian = Debian {
            installed: Some("1.85.0+dfsg3-1"),
            ..Debian::default()
        };
        let fake = machine(&debian, "0");
        let result = look(&fake, &[]);
        assert!(is_debian(&result), "{result:?}");
    }

    #[test]
    fn a_compiler_that_is_fit_needs_no_package_list() {
        let debian = Debian {
            installed: Some("1.96.0+dfsg1-1"),
            ..Debian::default()
        };
        let fake = machine(&debian, "1000");
        let result = look(&fake, &[]);
        assert!(is_debian(&result), "{result:?}");
        assert!(!fake.calls().contains("apt-get"));
    }

    #[test]
    fn an_older_linker_is_not_used() {
        let debian = Debian {
            installed: Some("1.96.0+dfsg1-1"),
            ..Debian::default()
        };
        let fake = machine(&debian, "0");
        std::fs::remove_dir_all(fake.root().join("usr/lib/llvm-22")).unwrap();
        let fake = fake.script("/usr/lib/llvm-19/bin/wasm-ld", "echo 'Debian LLD 19.1.7'");
        let result = look(&fake, &[]);
        assert!(is_debian(&result), "{result:?}");
    }

    #[test]
    fn a_start_that_failed_for_old_lists_succeeds_with_newer_ones() {
        let debian = Debian {
            fresh: "1.85.0+dfsg3-1",
            ..Debian::default()
        };
        let fake = machine(&debian, "0");
        let failure = look(&fake, &[]).unwrap_err().to_string();
        assert!(
            failure.contains("1.85") && failure.contains("1.95"),
            "{failure}"
        );
        assert!(
            !fake.calls().contains("apt-get install"),
            "nothing was installed"
        );
        let fake = fake.script(
            "/usr/bin/apt-cache",
            r#"case "$1" in
              policy) echo "  Candidate: 1.96.0+dfsg1-1"; echo 1.96.0+dfsg1-1 > "$ROOT/offered";;
              depends) echo "  Depends: libllvm22";;
            esac"#,
        );
        let result = look(&fake, &[]);
        assert!(is_debian(&result), "{result:?}");
    }

    #[test]
    fn a_hold_of_the_user_is_named_and_not_overridden() {
        let debian = Debian {
            installed: Some("1.85.0+dfsg3-1"),
            held: true,
            ..Debian::default()
        };
        let fake = machine(&debian, "0");
        let failure = look(&fake, &[]).unwrap_err().to_string();
        assert!(
            failure.contains("rustc-web is held back in version 1.85"),
            "{failure}"
        );
        assert!(failure.contains("apt-mark unhold rustc-web"), "{failure}");
        assert!(!fake.calls().contains("apt-get install"));
    }

    #[test]
    fn a_package_that_would_be_removed_is_named() {
        let fake = machine(&Debian::default(), "0").script(
            "/usr/bin/dpkg-query",
            "[ \"$4\" = rustc ] && echo 'installed 1.63.0+dfsg1-2'",
        );
        let failure = look(&fake, &[]).unwrap_err().to_string();
        assert!(failure.contains("rustc (1.63.0) is installed"), "{failure}");
        assert!(failure.contains("apt-get remove rustc"), "{failure}");
        assert!(!fake.calls().contains("apt-get"), "nothing was changed");
    }

    #[test]
    fn without_root_each_package_and_both_ways_are_named() {
        let debian = Debian {
            installed: Some("1.85.0+dfsg3-1"),
            ..Debian::default()
        };
        let fake = machine(&debian, "1000").script("/home/.cargo/bin/rustup", "exit 1");
        let failure = look(&fake, &[("RUSTUP_AUTO_INSTALL", "0")])
            .unwrap_err()
            .to_string();
        for part in [
            "1.85.0",
            "1.95",
            "only root",
            "rustup target add wasm32-unknown-unknown",
            "apt-get install --no-install-recommends rustc-web cargo-web rust-web-src",
        ] {
            assert!(failure.contains(part), "{part}: {failure}");
        }
        let calls = fake.calls();
        assert!(
            !calls.contains("rustup") && !calls.contains("apt-get"),
            "{calls}"
        );
    }

    #[test]
    fn rustup_adds_the_target_where_it_may_install() {
        let fake = machine(&Debian::default(), "1000")
            .script("/home/.cargo/bin/rustc", "[ -e \"$ROOT/target-added\" ]")
            .script("/home/.cargo/bin/rustup", ": > \"$ROOT/target-added\"");
        assert_eq!(look(&fake, &[]), Ok(Toolchain::Active));
        assert!(
            fake.calls()
                .contains("rustup target add wasm32-unknown-unknown")
        );
    }

    #[test]
    fn rustup_that_may_not_write_leaves_it_to_debian() {
        let fake = machine(&Debian::default(), "0").script(
            "/home/.cargo/bin/rustup",
            "echo 'Read-only file system' >&2; exit 1",
        );
        let result = look(&fake, &[]);
        assert!(is_debian(&result), "{result:?}");
    }

    #[test]
    fn without_rustup_and_apt_the_way_out_is_named() {
        let fake = FakeMachine::new()
            .file("Cargo.toml", "rust-version = \"1.95\"\n")
            .script("/home/.cargo/bin/rustc", "exit 1");
        let failure = look(&fake, &[]).unwrap_err().to_string();
        assert!(failure.contains("rustup is not installed"), "{failure}");
        assert!(failure.contains("rustup target add"), "{failure}");
    }

    #[test]
    fn the_users_flags_and_wrappers_are_for_their_own_compiler() {
        let machine = FakeMachine::new()
            .machine()
            .with("RUSTFLAGS", "-Clink-arg=-fuse-ld=mold");
        let debian = Toolchain::Debian {
            linker: "/usr/lib/llvm-22/bin/wasm-ld".into(),
        };
        let command = debian.cargo_build(&Project::new(Path::new("/"), machine));
        let arguments: Vec<_> = command.get_args().collect();
        assert!(arguments.contains(&"build-std=std,panic_abort".as_ref()));
        let variable = |name: &str| {
            let found = command.get_envs().find(|(key, _)| *key == name);
            found
                .and_then(|(_, value)| value)
                .map(|value| value.to_owned())
        };
        assert_eq!(variable("RUSTFLAGS"), None);
        assert_eq!(variable("CARGO_ENCODED_RUSTFLAGS"), Some("".into()));
        assert_eq!(variable("RUSTC_WRAPPER"), Some("".into()));
    }
}
