//! Runs the README's commands on a bare machine: a Debian in a chroot directory, with
//! only the requirements of the README.
//!
//! The machine has git, a C compiler, a rustup toolchain (read-only, so that no target
//! can be added), and outdated package lists: they are fetched before the security suite,
//! which has a sufficiently new compiler, is added to the sources. Proxies, mirrors and
//! certificates of this machine are used there, too.
//!
//! Requires root, `debootstrap`, port 8080, and about 20 GB of disk space. Takes an hour
//! or more, so it is not part of the default run. Run it before each release.

mod bare;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use super::{
    Bench,
    summary::{Counts, Runner},
};
use crate::{
    apt::Package,
    failure::{Failure, FileContext as _, Result},
    terminal,
};
use bare::{BareMachine, Network};

pub(super) const NAME: &str = "fresh-machine";

/// Commands, which must be in the README exactly like this.
const START: &str = "cargo xtask run";
const TEST: &str = "cargo xtask test";
/// Default listen address of the server.
const ADDRESS: &str = "127.0.0.1:8080";

/// Maximum duration of a start.
const START_TIMEOUT: Duration = Duration::from_secs(3_600);
const POLL_INTERVAL: Duration = Duration::from_millis(500);

pub(super) fn run(bench: &mut Bench) -> Result<Counts> {
    check_requirements(bench)?;
    let readme = bench.project.join("README.md");
    let text = fs::read_to_string(&readme).file("read", &readme)?;
    for command in [START, TEST] {
        if !text.lines().any(|line| line == command) {
            return Err(failed(
                "follow the README",
                format!("README.md has no line `{command}`"),
            ));
        }
    }
    let bare = BareMachine::create(&bench.project)?;
    let mut counts = Counts::default();

    let step = terminal::step("Starting without a network");
    start_without_network(&bare)?;
    step.done("failed with the right message and changed nothing");
    counts.passed += 1;

    let step = terminal::step("Starting: cargo xtask run");
    start(&bare)?;
    step.done("the page is served");
    counts.passed += 1;

    let step = terminal::step("Starting again");
    start(&bare)?;
    step.done("the page is served");
    counts.passed += 1;

    // Without `exec`, the shell remains to reap orphaned processes of the tests.
    let tests = format!("{TEST}; exit $?");
    counts += super::layers::run_tests(&mut bare.command(&tests, Network::Shared), Runner::Totals)?;
    bare.remove()?;
    Ok(counts)
}

/// Checks the requirements on this machine.
fn check_requirements(bench: &Bench) -> Result<()> {
    if !bench.project.machine().is_root() {
        return Err(failed(
            "create a bare machine",
            "debootstrap, mount and chroot require root".to_owned(),
        ));
    }
    crate::checks::port(([127, 0, 0, 1], 8080).into())?;
    if bench.project.machine().find("debootstrap").is_none() {
        bench
            .apt
            .install(&[Package::new("debootstrap", "the bare machine")])?;
    }
    Ok(())
}

/// Checks that a start without network access fails with an explanation, and installs
/// nothing.
fn start_without_network(bare: &BareMachine) -> Result<()> {
    let before = bare.installed()?;
    let output = bare.command(START, Network::None).output();
    let output = output.file("run", Path::new("unshare"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let is_explained =
        text.contains("Could not reach the registry") && text.contains("nothing was installed");
    if output.status.success() || !is_explained {
        return Err(failed(
            "start without a network",
            format!("It did not report the missing network: {text}"),
        ));
    }
    if bare.installed()? != before {
        return Err(failed(
            "start without a network",
            "It installed packages".to_owned(),
        ));
    }
    Ok(())
}

/// Starts the server, loads the page, and stops the server.
fn start(bare: &BareMachine) -> Result<()> {
    // Signals reach the server only without a shell in between.
    let mut child = bare
        .command(&format!("exec {START}"), Network::Shared)
        .spawn()
        .file("run", Path::new("unshare"))?;
    let page = wait_for_page(&mut child);
    stop(&mut child)?;
    page?;
    wait_for_port()
}

/// Stops the server as Ctrl-C does. The signal goes to the child of `unshare`, which
/// itself ignores signals while it has a child.
fn stop(child: &mut Child) -> Result<()> {
    let list = format!("/proc/{0}/task/{0}/children", child.id());
    for pid in fs::read_to_string(&list)
        .unwrap_or_default()
        .split_whitespace()
    {
        // Fails if the process has already exited.
        let _ = Command::new("kill").args(["-INT", pid]).status();
    }
    child.wait().map(drop).file("wait for", Path::new(START))
}

/// Waits until the server is ready, and checks that it serves the page and the frontend.
fn wait_for_page(child: &mut Child) -> Result<()> {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().file("wait for", Path::new(START))? {
            return Err(failed(
                "start on a bare machine",
                format!("It exited with {status}; see its messages above"),
            ));
        }
        if get("/readyz").is_some_and(|response| response.starts_with("HTTP/1.1 200")) {
            break;
        }
        if since.elapsed() > START_TIMEOUT {
            return Err(failed(
                "start on a bare machine",
                "It is not ready after an hour".to_owned(),
            ));
        }
        thread::sleep(POLL_INTERVAL);
    }
    let page = get("/").unwrap_or_default();
    let program = page
        .split('"')
        .find(|text| text.starts_with("app_bg-") && text.ends_with(".wasm"));
    let is_served = program
        .and_then(|program| get(&format!("/{program}")))
        .is_some_and(|response| response.starts_with("HTTP/1.1 200"));
    if is_served {
        return Ok(());
    }
    Err(failed(
        "open the page on a bare machine",
        format!("The frontend's WebAssembly file is not in the page, or not served: {page}"),
    ))
}

/// Waits until the port is free again.
fn wait_for_port() -> Result<()> {
    let since = Instant::now();
    while crate::checks::port(([127, 0, 0, 1], 8080).into()).is_err() {
        if since.elapsed() > START_TIMEOUT {
            return Err(failed(
                "stop the server",
                "It is still listening".to_owned(),
            ));
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

fn get(path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(ADDRESS).ok()?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {ADDRESS}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).ok()?;
    Some(String::from_utf8_lossy(&response).into_owned())
}

fn failed(tried: &str, found: String) -> Failure {
    Failure::new(
        tried,
        found,
        "The bare machine is kept in the build directory for inspection; the next run replaces it",
    )
}
