//! The README's commands on a bare machine: a Debian in a folder, with nothing
//! but what the README asks for.
//!
//! The folder has git, a C compiler, a user's rustup toolchain (read-only, so it
//! can add no target), and package lists that are out of date: they were fetched
//! before the security suite was added to the sources, and it is that suite which
//! has a compiler that is new enough. What this machine uses to reach package
//! registries (proxies, mirrors, certificates) is used there too.
//!
//! Needs root, `debootstrap`, the port 8080, and about 20 GB of disk. Takes an
//! hour or more, so it runs only when it is named: before each release.

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

/// The commands, which must stand in the README letter for letter.
const START: &str = "cargo xtask run";
const TEST: &str = "cargo xtask test";
/// Where the server listens without options.
const ADDRESS: &str = "127.0.0.1:8080";

/// A start that takes longer hangs.
const START_TIMEOUT: Duration = Duration::from_secs(3_600);
const POLL: Duration = Duration::from_millis(500);

pub(super) fn run(bench: &mut Bench) -> Result<Counts> {
    require(bench)?;
    let readme = bench.project.join("README.md");
    let text = fs::read_to_string(&readme).file("read", &readme)?;
    for command in [START, TEST] {
        if !text.lines().any(|line| line == command) {
            return Err(failed(
                "follow the README",
                format!("It has no line `{command}`"),
            ));
        }
    }
    let bare = BareMachine::make(&bench.project)?;
    let mut counts = Counts::default();

    let step = terminal::step("Starting without a network");
    start_without_network(&bare)?;
    step.done("said so, and changed nothing");
    counts.passed += 1;

    let step = terminal::step("Starting: cargo xtask run");
    start(&bare)?;
    step.done("the page answers");
    counts.passed += 1;

    let step = terminal::step("Starting again");
    start(&bare)?;
    step.done("the page answers");
    counts.passed += 1;

    // The shell stays, so that something waits for processes that tests leave behind.
    let tests = format!("{TEST}; exit $?");
    counts += super::layers::counted(&mut bare.command(&tests, Network::Shared), Runner::Totals)?;
    bare.remove()?;
    Ok(counts)
}

/// What the layer needs of this machine.
fn require(bench: &Bench) -> Result<()> {
    if !bench.project.machine().is_root() {
        return Err(failed(
            "make a bare machine",
            "debootstrap, mount and chroot need root".to_owned(),
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

/// Fails soon with a reason, and installs nothing.
fn start_without_network(bare: &BareMachine) -> Result<()> {
    let before = bare.installed()?;
    let output = bare.command(START, Network::None).output();
    let output = output.file("run", Path::new("unshare"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let is_said =
        text.contains("Could not reach the registry") && text.contains("nothing was installed");
    if output.status.success() || !is_said {
        return Err(failed(
            "start without a network",
            format!("It should have said that there is none, and said: {text}"),
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

/// Starts it, opens the page, and ends it.
fn start(bare: &BareMachine) -> Result<()> {
    // Signals reach the server only if no shell is between.
    let mut child = bare
        .command(&format!("exec {START}"), Network::Shared)
        .spawn()
        .file("run", Path::new("unshare"))?;
    let answered = wait_for_page(&mut child);
    end(&mut child)?;
    answered?;
    wait_for_port()
}

/// Ends what runs on the bare machine as a user does with Ctrl-C: the one child of
/// `unshare`, which itself ignores signals while it has one.
fn end(child: &mut Child) -> Result<()> {
    let list = format!("/proc/{0}/task/{0}/children", child.id());
    for pid in fs::read_to_string(&list)
        .unwrap_or_default()
        .split_whitespace()
    {
        // It may have ended by itself.
        let _ = Command::new("kill").args(["-INT", pid]).status();
    }
    child.wait().map(drop).file("wait for", Path::new(START))
}

/// Waits until the page with the browser program is there, and its server ready.
fn wait_for_page(child: &mut Child) -> Result<()> {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().file("wait for", Path::new(START))? {
            return Err(failed(
                "start on a bare machine",
                format!("It ended with {status}; its messages are above"),
            ));
        }
        if get("/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            break;
        }
        if since.elapsed() > START_TIMEOUT {
            return Err(failed(
                "start on a bare machine",
                "It does not answer after an hour".to_owned(),
            ));
        }
        thread::sleep(POLL);
    }
    let page = get("/").unwrap_or_default();
    let program = page
        .split('"')
        .find(|text| text.starts_with("app_bg-") && text.ends_with(".wasm"));
    let is_there = program
        .and_then(|program| get(&format!("/{program}")))
        .is_some_and(|answer| answer.starts_with("HTTP/1.1 200"));
    if is_there {
        return Ok(());
    }
    Err(failed(
        "open the page on a bare machine",
        format!("It names no browser program that is there: {page}"),
    ))
}

/// Waits until the server of a start has ended.
fn wait_for_port() -> Result<()> {
    let since = Instant::now();
    while crate::checks::port(([127, 0, 0, 1], 8080).into()).is_err() {
        if since.elapsed() > START_TIMEOUT {
            return Err(failed("stop the server", "It still listens".to_owned()));
        }
        thread::sleep(POLL);
    }
    Ok(())
}

fn get(path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(ADDRESS).ok()?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {ADDRESS}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

fn failed(tried: &str, found: String) -> Failure {
    Failure::new(
        tried,
        found,
        "The bare machine is kept in the build folder for a look; the next run makes another",
    )
}
