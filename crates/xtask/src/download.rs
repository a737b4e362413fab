//! Downloads all crates in one step before the builds. Missing network access is
//! detected within seconds, before anything is installed, and later builds work offline.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use crate::{
    checks,
    failure::{Failure, FileContext as _, Result},
    project::Project,
    terminal::{self, Steps},
    toolchain::TARGET,
};

/// A small dependency of the project, used to check the connection.
const PROBE_CRATE: &str = "cfg-if";

/// Timeout of the connection check, in seconds.
const PROBE_TIMEOUT: &str = "10";

/// Downloads missing crates. Returns the project with the cargo settings for the
/// builds: they change only if cargo's home directory is read-only.
///
/// # Errors
/// [`Failure`] if the registry cannot be reached, or a download fails.
pub(crate) fn crates(project: Project, steps: &Steps) -> Result<Project> {
    let host = host(&project)?;
    let step = steps.begin("Downloading crates");
    if is_complete(&project, &host) {
        step.done("up to date");
        return Ok(project);
    }
    let project = with_writable_cargo_home(project)?;
    if is_complete(&project, &host) {
        step.done("up to date");
        return Ok(project);
    }
    probe(&project)?;
    for mut fetch in fetches(&project, &host) {
        let output = project.machine().output(&mut fetch);
        output.map_err(|failed| {
            Failure::new(
                "download the crates that Tocsin depends on",
                failed.to_string(),
                "Check the network, and the proxy and mirror in cargo's configuration, then try again; finished downloads are kept",
            )
        })?;
    }
    step.done("");
    Ok(project)
}

/// Target triple of the machine, to skip crates for other systems.
fn host(project: &Project) -> Result<String> {
    let machine = project.machine();
    let rustc = machine.variable("RUSTC").unwrap_or("rustc".as_ref());
    let failed = |found: String| {
        Failure::new(
            "determine the compiler's host target",
            found,
            "Check that `rustc -vV` works",
        )
    };
    let text = machine
        .output(machine.command(rustc).arg("-vV"))
        .map_err(|error| failed(error.to_string()))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| failed("Its output has no line `host: `".to_owned()))
}

/// Whether all crates are already downloaded.
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

/// Checks the connection to the registry by fetching one small crate, with cargo's
/// configured registry and proxy.
fn probe(project: &Project) -> Result<()> {
    // Below the project, so that cargo reads the same configuration.
    let folder = project.target().join("network-check");
    let source = folder.join("src");
    fs::create_dir_all(&source).file("create", &source)?;
    let manifest = folder.join("Cargo.toml");
    let text = format!(
        "[package]\nname = \"network-check\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [workspace]\n[dependencies]\n{PROBE_CRATE} = \"1\"\n"
    );
    fs::write(&manifest, text).file("write", &manifest)?;
    let library = source.join("lib.rs");
    fs::write(&library, "").file("write", &library)?;
    let mut cargo = project.bare_cargo();
    cargo
        .arg("fetch")
        .env("CARGO_NET_RETRY", "0")
        .env("CARGO_HTTP_TIMEOUT", PROBE_TIMEOUT)
        .current_dir(&folder);
    let result = project.machine().output(&mut cargo);
    result.map(drop).map_err(|failed| {
        let proxy = ["https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy"]
            .iter()
            .any(|name| project.machine().variable(name).is_some());
        Failure::new(
            "reach the registry in cargo's configuration",
            format!("cargo reports: {}", reason(&failed.stderr)),
            if proxy {
                "Check the proxy in the environment (https_proxy), then try again; nothing was installed"
            } else {
                "Connect this machine to the network, set https_proxy, or configure a mirror for cargo ([source.crates-io] replace-with), then try again; nothing was installed"
            },
        )
    })
}

/// The root cause in cargo's error message, without the error code of curl.
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
    let cause = cause.map_or("no error message", |cause| *cause);
    let words = cause
        .strip_prefix('[')
        .and_then(|coded| coded.split_once("] "));
    words.map_or(cause, |(_, words)| words).to_owned()
}

/// If cargo's home directory is read-only, replaces it by one in the build directory
/// with the same configuration.
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
        "{} is read-only: cargo stores its downloads in {}",
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

    /// A machine with this cargo script.
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
    fn complete_downloads_need_no_network() {
        let fake = fake("case \"$*\" in *--offline*) exit 0;; *) exit 1;; esac");
        assert!(run(&fake).is_ok());
    }

    #[test]
    fn missing_network_is_reported_before_the_download() {
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
    fn unreachable_proxy_is_reported() {
        let fake = fake("exit 101");
        let machine = fake
            .machine()
            .with("https_proxy", "http://proxy.example.com:3128");
        let project = Project::new(fake.root(), machine);
        let failure = crates(project, &Steps::new(1)).unwrap_err().to_string();
        assert!(failure.contains("https_proxy"), "{failure}");
    }

    #[test]
    fn read_only_cargo_home_is_replaced_with_its_configuration() {
        let fake = fake("[ -e \"$CARGO_HOME/config.toml\" ]").file("read-only/config.toml", "");
        // A file instead of a directory is not writable, even for root.
        let home = fake.root().join("read-only/config.toml");
        let machine = fake.machine().with("CARGO_HOME", home.as_os_str());
        let project = with_writable_cargo_home(Project::new(fake.root(), machine)).unwrap();
        let replaced = project.machine().variable("CARGO_HOME").unwrap();
        assert_eq!(Path::new(replaced), fake.root().join("target/cargo-home"));
    }
}
