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

use std::{
    ffi::OsString,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
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
    process,
    project::Project,
    terminal,
};

pub(super) const NAME: &str = "fresh-machine";

/// The Debian that the project is tested on.
const SUITE: &str = "bookworm";
/// What the README asks for besides Rust.
const PACKAGES: &str = "ca-certificates,git,gcc,libc6-dev";
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
    bare.start_without_network()?;
    step.done("said so, and changed nothing");
    counts.passed += 1;

    let step = terminal::step("Starting: cargo xtask run");
    bare.start()?;
    step.done("the page answers");
    counts.passed += 1;

    let step = terminal::step("Starting again");
    bare.start()?;
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    Shared,
    None,
}

/// A Debian in a folder.
#[derive(Debug)]
struct BareMachine {
    root: PathBuf,
    rustup_home: PathBuf,
    environment: Vec<(String, OsString)>,
}

impl BareMachine {
    fn make(project: &Project) -> Result<Self> {
        let machine = project.machine();
        let root = project.target().join(NAME);
        remove(&root)?;
        let step = terminal::step("Making a bare Debian with debootstrap");
        let mirror = site(project, SUITE)?;
        process::check(
            machine
                .command("debootstrap")
                .args(["--variant=minbase", &format!("--include={PACKAGES}"), SUITE])
                .arg(&root)
                .arg(&mirror)
                .stdout(Stdio::null()),
        )?;
        let home = machine.variable("HOME").unwrap_or("/root".as_ref());
        let rustup_home = machine
            .variable("RUSTUP_HOME")
            .map_or_else(|| Path::new(home).join(".rustup"), PathBuf::from);
        let bare = Self {
            root,
            rustup_home,
            environment: environment(project),
        };
        bare.copy_settings(Path::new(home))?;
        bare.add_rustup(project)?;
        bare.make_lists_old(&mirror, &site(project, &format!("{SUITE}-security"))?)?;
        process::check(
            machine
                .command("git")
                .args(["clone", "--quiet", "--no-local"])
                .arg(project.root())
                .arg(bare.at("/root/tocsin")),
        )?;
        step.done("");
        Ok(bare)
    }

    /// How this machine reaches the registries.
    fn copy_settings(&self, home: &Path) -> Result<()> {
        let own = ["/etc/resolv.conf", "/etc/pip.conf", "/etc/npmrc"].map(PathBuf::from);
        let of_user =
            [".npmrc", ".config/pip/pip.conf", ".cargo/config.toml"].map(|name| home.join(name));
        for file in own.iter().chain(&of_user) {
            let name = file.strip_prefix(home).map_or_else(
                |_| self.root.join(file.strip_prefix("/").unwrap_or(file)),
                |name| self.at("/root").join(name),
            );
            self.copy(file, &name)?;
        }
        // Also those that this machine was given besides Debian's.
        let certificates = Path::new("/etc/ssl/certs/ca-certificates.crt");
        self.copy(certificates, &self.at("/etc/ssl/certs/ca-certificates.crt"))?;
        for entry in fs::read_dir("/etc/apt/apt.conf.d")
            .into_iter()
            .flatten()
            .flatten()
        {
            let to = self.at("/etc/apt/apt.conf.d").join(entry.file_name());
            self.copy(&entry.path(), &to)?;
        }
        Ok(())
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        if !from.is_file() {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).file("create", folder)?;
        }
        // A link of the bare machine is not followed out of it.
        let _ = fs::remove_file(to);
        fs::copy(from, to).map(drop).file("copy", from)
    }

    /// rustup's own programs; its toolchains are mounted read-only.
    fn add_rustup(&self, project: &Project) -> Result<()> {
        let machine = project.machine();
        let rustup = machine.find("rustup").ok_or_else(|| {
            failed(
                "give the bare machine a Rust toolchain",
                "This machine has no rustup".to_owned(),
            )
        })?;
        let bin = self.at("/opt/cargo-bin");
        fs::create_dir_all(&bin).file("create", &bin)?;
        fs::create_dir_all(self.at("/opt/rustup")).file("create", &bin)?;
        let copy = bin.join("rustup");
        fs::copy(&rustup, &copy).file("copy", &rustup)?;
        for name in [
            "cargo",
            "rustc",
            "rustdoc",
            "rustfmt",
            "cargo-fmt",
            "cargo-clippy",
            "clippy-driver",
        ] {
            symlink("rustup", bin.join(name)).file("link", &bin)?;
        }
        Ok(())
    }

    /// Fetches the package lists, and only then names the suites that have newer
    /// versions: as in an image that was made before they had them.
    fn make_lists_old(&self, mirror: &str, security: &str) -> Result<()> {
        let sources = self.at("/etc/apt/sources.list");
        let old = format!("deb {mirror} {SUITE} main\n");
        fs::write(&sources, &old).file("write", &sources)?;
        let update = "apt-get update -qq";
        process::check(&mut self.command(update, Network::Shared))?;
        let all = format!(
            "{old}deb {mirror} {SUITE}-updates main\ndeb {security} {SUITE}-security main\n"
        );
        fs::write(&sources, all).file("write", &sources)
    }

    /// A shell command in the project's folder there, as a new user types it.
    fn command(&self, line: &str, network: Network) -> Command {
        // The mounts are gone with the last process of the namespace.
        let script = "set -e
            mount --rbind /dev \"$0/dev\"
            mount -t proc proc \"$0/proc\"
            mount --bind \"$1\" \"$0/opt/rustup\"
            mount -o remount,bind,ro \"$0/opt/rustup\"
            folder=/root/tocsin; [ -d \"$0$folder\" ] || folder=/
            exec chroot \"$0\" /bin/sh -c \"cd $folder && $2\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child=TERM"]);
        if network == Network::None {
            command.arg("--net");
        }
        command
            .args(["sh", "-c", script])
            .arg(&self.root)
            .arg(&self.rustup_home)
            .arg(line)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("HOME", "/root")
            .env("RUSTUP_HOME", "/opt/rustup")
            .env(
                "PATH",
                "/opt/cargo-bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .stdin(Stdio::null());
        command
    }

    /// Fails soon with a reason, and installs nothing.
    fn start_without_network(&self) -> Result<()> {
        let before = self.installed()?;
        let output = self.command(START, Network::None).output();
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
        if self.installed()? != before {
            return Err(failed(
                "start without a network",
                "It installed packages".to_owned(),
            ));
        }
        Ok(())
    }

    fn installed(&self) -> Result<String> {
        let status = self.at("/var/lib/dpkg/status");
        fs::read_to_string(&status).file("read", &status)
    }

    /// Starts it, opens the page, and ends it.
    fn start(&self) -> Result<()> {
        // Signals reach the server only if no shell is between.
        let mut child = self
            .command(&format!("exec {START}"), Network::Shared)
            .spawn()
            .file("run", Path::new("unshare"))?;
        let answered = wait_for_page(&mut child);
        // `unshare` passes the signal on when it ends; the server ends with it.
        let _ = Command::new("kill").arg(child.id().to_string()).status();
        let _ = child.wait();
        answered?;
        wait_for_port()
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn remove(self) -> Result<()> {
        remove(&self.root)
    }
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
        .find(|text| text.starts_with("app-") && text.ends_with(".wasm"));
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

/// The variables by which this machine reaches registries, and no others.
fn environment(project: &Project) -> Vec<(String, OsString)> {
    let is_kept = |name: &str| {
        let lower = name.to_ascii_lowercase();
        lower.ends_with("_proxy")
            || lower.contains("cert")
            || lower.starts_with("npm_config_")
            || [
                "PIP_",
                "CARGO_HTTP_",
                "CARGO_NET_",
                "CARGO_SOURCE_",
                "CARGO_REGISTRIES_",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    project
        .machine()
        .variables()
        .filter_map(|(name, value)| Some((name.to_str()?, value)))
        .filter(|(name, _)| is_kept(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Where this machine gets the packages of a Debian release from.
fn site(project: &Project, release: &str) -> Result<String> {
    let machine = project.machine();
    let mut command = machine.command("apt-get");
    command.args(["indextargets", "--format", "$(SITE) $(RELEASE)"]);
    let text = machine.output(&mut command).map_err(|error| {
        failed(
            "find out where Debian's packages come from",
            error.to_string(),
        )
    })?;
    let mut sites = text.lines().filter_map(|line| {
        let (site, name) = line.split_once(' ')?;
        (name == release).then(|| site.to_owned())
    });
    sites.next().ok_or_else(|| {
        failed(
            "find out where Debian's packages come from",
            format!("This machine's package sources do not name {release}"),
        )
    })
}

/// Removes a folder in which nothing is mounted any more.
fn remove(root: &Path) -> Result<()> {
    if root.exists() {
        fs::remove_dir_all(root).file("remove", root)?;
    }
    Ok(())
}

fn failed(tried: &str, found: String) -> Failure {
    Failure::new(
        tried,
        found,
        "The bare machine is kept in the build folder for a look; the next run makes another",
    )
}
