use tocsin_machine::fake::FakeMachine;

use super::*;

const REQUIRED: &str = "1.95";

/// Rust versions on a Debian machine: installed, in the package lists, and in the
/// refreshed lists.
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

/// A machine with apt, and a rustup toolchain without the target. `apt-get update`
/// refreshes the lists, and `apt-get install` installs the listed versions.
fn machine(debian: &Debian, user: &str) -> FakeMachine {
    let Debian {
        installed,
        lists,
        fresh,
        held,
    } = debian;
    let fake = FakeMachine::new()
        .file("Cargo.toml", &format!("rust-version = \"{REQUIRED}\"\n"))
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

fn find_on(fake: &FakeMachine, variables: &[(&str, &str)]) -> Result<Toolchain> {
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
fn active_compiler_with_the_target_is_used_without_changes() {
    let fake = machine(&Debian::default(), "0").script("/home/.cargo/bin/rustc", "exit 0");
    assert_eq!(find_on(&fake, &[]), Ok(Toolchain::Active));
    assert!(!fake.calls().contains("apt-get"));
}

#[test]
fn packages_are_installed_from_refreshed_lists() {
    let fake = machine(&Debian::default(), "0");
    let result = find_on(&fake, &[]);
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
fn outdated_compiler_is_upgraded() {
    let debian = Debian {
        installed: Some("1.85.0+dfsg3-1"),
        ..Debian::default()
    };
    let fake = machine(&debian, "0");
    let result = find_on(&fake, &[]);
    assert!(is_debian(&result), "{result:?}");
}

#[test]
fn installed_debian_compiler_is_used_without_apt() {
    let debian = Debian {
        installed: Some("1.96.0+dfsg1-1"),
        ..Debian::default()
    };
    let fake = machine(&debian, "1000").script("/home/.cargo/bin/rustup", "exit 1");
    let result = find_on(&fake, &[]);
    assert!(is_debian(&result), "{result:?}");
    let calls = fake.calls();
    assert!(
        !calls.contains("apt-get") && !calls.contains("rustup"),
        "{calls}"
    );
}

#[test]
fn outdated_linker_is_not_used() {
    let debian = Debian {
        installed: Some("1.96.0+dfsg1-1"),
        ..Debian::default()
    };
    let fake = machine(&debian, "0");
    std::fs::remove_dir_all(fake.root().join("usr/lib/llvm-22")).unwrap();
    let fake = fake.script("/usr/lib/llvm-19/bin/wasm-ld", "echo 'Debian LLD 19.1.7'");
    let result = find_on(&fake, &[]);
    assert!(is_debian(&result), "{result:?}");
}

#[test]
fn outdated_lists_fail_and_newer_lists_succeed() {
    let debian = Debian {
        fresh: "1.85.0+dfsg3-1",
        ..Debian::default()
    };
    let fake = machine(&debian, "0");
    let failure = find_on(&fake, &[]).unwrap_err().to_string();
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
    let result = find_on(&fake, &[]);
    assert!(is_debian(&result), "{result:?}");
}

#[test]
fn held_package_is_reported_and_not_upgraded() {
    let debian = Debian {
        installed: Some("1.85.0+dfsg3-1"),
        held: true,
        ..Debian::default()
    };
    let fake = machine(&debian, "0");
    let failure = find_on(&fake, &[]).unwrap_err().to_string();
    assert!(
        failure.contains("rustc-web is held back in version 1.85"),
        "{failure}"
    );
    assert!(failure.contains("apt-mark unhold rustc-web"), "{failure}");
    assert!(!fake.calls().contains("apt-get install"));
}

#[test]
fn conflicting_package_is_reported_and_not_removed() {
    let fake = machine(&Debian::default(), "0").script(
        "/usr/bin/dpkg-query",
        "[ \"$4\" = rustc ] && echo 'installed 1.63.0+dfsg1-2'",
    );
    let failure = find_on(&fake, &[]).unwrap_err().to_string();
    assert!(failure.contains("rustc (1.63.0) is installed"), "{failure}");
    assert!(failure.contains("apt-get remove rustc"), "{failure}");
    assert!(!fake.calls().contains("apt-get"), "nothing was changed");
}

#[test]
fn without_root_packages_and_rustup_command_are_reported() {
    let debian = Debian {
        installed: Some("1.85.0+dfsg3-1"),
        ..Debian::default()
    };
    let fake = machine(&debian, "1000").script("/home/.cargo/bin/rustup", "exit 1");
    let failure = find_on(&fake, &[("RUSTUP_AUTO_INSTALL", "0")])
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
fn rustup_adds_the_target_if_allowed() {
    let fake = machine(&Debian::default(), "1000")
        .script("/home/.cargo/bin/rustc", "[ -e \"$ROOT/target-added\" ]")
        .script("/home/.cargo/bin/rustup", ": > \"$ROOT/target-added\"");
    assert_eq!(find_on(&fake, &[]), Ok(Toolchain::Active));
    assert!(
        fake.calls()
            .contains("rustup target add wasm32-unknown-unknown")
    );
}

#[test]
fn debian_packages_are_used_if_rustup_fails() {
    let fake = machine(&Debian::default(), "0").script(
        "/home/.cargo/bin/rustup",
        "echo 'Read-only file system' >&2; exit 1",
    );
    let result = find_on(&fake, &[]);
    assert!(is_debian(&result), "{result:?}");
}

#[test]
fn without_rustup_and_apt_the_fix_is_reported() {
    let fake = FakeMachine::new()
        .file("Cargo.toml", "rust-version = \"1.95\"\n")
        .script("/home/.cargo/bin/rustc", "exit 1");
    let failure = find_on(&fake, &[]).unwrap_err().to_string();
    assert!(failure.contains("rustup is not installed"), "{failure}");
    assert!(failure.contains("rustup target add"), "{failure}");
}

#[test]
fn debian_compiler_ignores_flags_and_wrappers_of_the_user() {
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
