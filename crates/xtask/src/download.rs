//! Everything that cargo downloads, as one step before the builds: so a network
//! that is not there is noticed within seconds and before anything is installed,
//! and a build that was started once needs no network again.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use crate::{
    checks,
    failure::{Failure, FileContext as _, Result},
    project::Project,
    terminal::{self, Steps},
    toolchain::TARGET,
};

/// A small crate that the project uses anyway.
const PROBE: &str = "cfg-if";

/// How long a registry may stay silent before the network counts as absent.
const PROBE_SECONDS: &str = "10";

/// Downloads what is missing. The result is the project with the cargo settings
/// that the builds need, which is another one only where cargo's own folder is
/// read-only.
///
/// # Errors
/// No network, or none that leads to the registry.
pub(crate) fn crates(project: Project, steps: &Steps) -> Result<Project> {
    let host = host(&project)?;
    let step = steps.begin("Downloading crates");
    if is_complete(&project, &host) {
        step.done("all are there");
        return Ok(project);
    }
    let project = with_writable_cargo_home(project)?;
    if is_complete(&project, &host) {
        step.done("all are there");
        return Ok(project);
    }
    probe(&project)?;
    for mut fetch in fetches(&project, &host) {
        let output = project.machine().output(&mut fetch);
        output.map_err(|failed| {
            Failure::new(
                "download the crates that Tocsin is made of",
                failed.to_string(),
                "Check the network, or the proxy and mirror that cargo is configured with, and run the same command again; what was downloaded is kept",
            )
        })?;
    }
    step.done("");
    Ok(project)
}

/// The machine's own target, so that crates of other systems stay away.
fn host(project: &Project) -> Result<String> {
    let machine = project.machine();
    let rustc = machine.variable("RUSTC").unwrap_or("rustc".as_ref());
    let failed = |found: String| {
        Failure::new(
            "ask the compiler for its version",
            found,
            "Check that `rustc -vV` works",
        )
    };
    let text = machine
        .output(machine.command(rustc).arg("-vV"))
        .map_err(|error| failed(error.to_string()))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| failed("It names no host".to_owned()))
}

/// Whether nothing has to be downloaded.
fn is_complete(project: &Project, host: &str) -> bool {
    fetches(project, host)
        .iter_mut()
        .all(|fetch| project.machine().output(fetch.arg("--offline")).is_ok())
}

fn fetches(project: &Project, host: &str) -> [Command; 2] {
    let mut server = project.cargo("fetch");
    server.args(["--target", host]);
    let mut browser = project.bare_cargo();
    browser
        .args(["fetch", "--target", TARGET])
        .current_dir(project.frontend());
    [server, browser]
}

/// Asks the registry that cargo is configured with, through the proxy that it is
/// configured with, for one small crate.
fn probe(project: &Project) -> Result<()> {
    // Below the project, so that cargo reads the same configuration.
    let folder = project.target().join("network-check");
    let source = folder.join("src");
    fs::create_dir_all(&source).file("create", &source)?;
    let manifest = folder.join("Cargo.toml");
    let text = format!(
        "[package]\nname = \"network-check\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [workspace]\n[dependencies]\n{PROBE} = \"1\"\n"
    );
    fs::write(&manifest, text).file("write", &manifest)?;
    let library = source.join("lib.rs");
    fs::write(&library, "").file("write", &library)?;
    let mut cargo = project.bare_cargo();
    cargo
        .arg("fetch")
        .env("CARGO_NET_RETRY", "0")
        .env("CARGO_HTTP_TIMEOUT", PROBE_SECONDS)
        .current_dir(&folder);
    let result = project.machine().output(&mut cargo);
    result.map(drop).map_err(|failed| {
        let proxy = ["https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy"]
            .iter()
            .any(|name| project.machine().variable(name).is_some());
        Failure::new(
            "reach the registry that cargo is configured with",
            format!("cargo says: {}", reason(&failed.stderr)),
            if proxy {
                "Check the proxy that the environment names (https_proxy), and run the same command again; nothing was installed"
            } else {
                "Connect this machine, set https_proxy, or name a mirror in cargo's configuration ([source.crates-io] replace-with), and run the same command again; nothing was installed"
            },
        )
    })
}

/// The innermost cause in cargo's message, without the network's codes.
fn reason(message: &str) -> String {
    let lines: Vec<_> = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("Updating"))
        .collect();
    let cause = lines
        .iter()
        .find(|line| line.starts_with('['))
        .or(lines.last());
    let cause = cause.map_or("nothing", |cause| *cause);
    let words = cause
        .strip_prefix('[')
        .and_then(|coded| coded.split_once("] "));
    words.map_or(cause, |(_, words)| words).to_owned()
}

/// Lets cargo keep its downloads in the build folder where its own is read-only,
/// with the settings of its own.
fn with_writable_cargo_home(project: Project) -> Result<Project> {
    let home = checks::cargo_home(project.machine());
    if is_writable(&home) {
        return Ok(project);
    }
    let other = project.target().join("cargo-home");
    fs::create_dir_all(&other).file("create", &other)?;
    for name in ["config.toml", "config", "credentials.toml"] {
        let (from, to) = (home.join(name), other.join(name));
        if from.exists() && !to.exists() {
            symlink(&from, &to).file("link", &to)?;
        }
    }
    terminal::note(&format!(
        "{} is read-only: cargo keeps its downloads in {}",
        home.display(),
        other.display()
    ));
    Ok(project.with("CARGO_HOME", other))
}

fn is_writable(folder: &Path) -> bool {
    let file = folder.join(format!(".tocsin-writable-{}", std::process::id()));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&file, ""));
    let _ = fs::remove_file(&file);
    written.is_ok()
}

#[cfg(test)]
mod tests {
    use tocsin_machine::fake::FakeMachine;

    use super::*;

    /// A cargo that has everything, or only with the network.
    fn fake(cargo: &str) -> FakeMachine {
        FakeMachine::new()
            .file("frontend/Cargo.toml", "")
            .prints("rustc", "host: x86_64-unknown-linux-gnu")
            .script("/usr/bin/cargo", cargo)
    }

    fn run(fake: &FakeMachine) -> Result<Project> {
        let project = Project::new(fake.root(), fake.machine());
        crates(project, &Steps::new(1))
    }

    #[test]
    fn what_is_complete_needs_no_network() {
        let fake = fake("case \"$*\" in *--offline*) exit 0;; *) exit 1;; esac");
        assert!(run(&fake).is_ok());
    }

    #[test]
    fn no_network_is_said_before_anything_is_downloaded() {
        let fake = fake(
            "echo '    Updating index' >&2
             echo 'error: failed to get `cfg-if`' >&2
             echo '  [6] Could not resolve hostname (Could not resolve host: index.example.com)' >&2
             exit 101",
        );
        let failure = run(&fake).unwrap_err().to_string();
        assert!(
            failure.contains("Could not resolve host: index.example.com"),
            "{failure}"
        );
        assert!(failure.contains("nothing was installed"), "{failure}");
        assert!(
            !fake
                .calls()
                .contains("fetch --target wasm32-unknown-unknown\n")
        );
    }

    #[test]
    fn a_proxy_of_the_user_is_named_when_it_does_not_answer() {
        let fake = fake("exit 101");
        let machine = fake
            .machine()
            .with("https_proxy", "http://proxy.example.com:3128");
        let project = Project::new(fake.root(), machine);
        let failure = crates(project, &Steps::new(1)).unwrap_err().to_string();
        assert!(failure.contains("https_proxy"), "{failure}");
    }

    #[test]
    fn a_read_only_cargo_folder_is_replaced_and_its_settings_are_kept() {
        let fake = fake("[ -e \"$CARGO_HOME/config.toml\" ]").file("read-only/config.toml", "");
        // A file in the place of a folder is not writable, to root neither.
        let home = fake.root().join("read-only/config.toml");
        let machine = fake.machine().with("CARGO_HOME", home.as_os_str());
        let project = with_writable_cargo_home(Project::new(fake.root(), machine)).unwrap();
        let replaced = project.machine().variable("CARGO_HOME").unwrap();
        assert_eq!(Path::new(replaced), fake.root().join("target/cargo-home"));
    }
}
