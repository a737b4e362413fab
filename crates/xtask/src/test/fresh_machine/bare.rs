//! A Debian in a folder.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{NAME, failed};
use crate::{
    failure::{FileContext as _, Result},
    process,
    project::Project,
    terminal,
};

/// The Debian that the project is tested on.
const SUITE: &str = "bookworm";
/// The project's folder there: with a space, and letters beyond ASCII.
const FOLDER: &str = "/root/on call 值班/tocsin";
/// What the README asks for besides Rust.
const PACKAGES: &str = "ca-certificates,git,gcc,libc6-dev";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    Shared,
    None,
}

/// A Debian in a folder.
#[derive(Debug)]
pub(super) struct BareMachine {
    root: PathBuf,
    rustup_home: PathBuf,
    environment: Vec<(String, OsString)>,
}

impl BareMachine {
    pub(super) fn make(project: &Project) -> Result<Self> {
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
                .arg(bare.at(FOLDER)),
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
    pub(super) fn command(&self, line: &str, network: Network) -> Command {
        // The mounts are gone with the last process of the namespace.
        let script = "set -e
            mount --rbind /dev \"$0/dev\"
            mount -t proc proc \"$0/proc\"
            mount --bind \"$1\" \"$0/opt/rustup\"
            mount -o remount,bind,ro \"$0/opt/rustup\"
            [ -d \"$0$3\" ] && folder=$3 || folder=/
            exec chroot \"$0\" /bin/sh -c \"cd '$folder' && $2\"";
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
            .arg(FOLDER)
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

    pub(super) fn installed(&self) -> Result<String> {
        let status = self.at("/var/lib/dpkg/status");
        fs::read_to_string(&status).file("read", &status)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub(super) fn remove(self) -> Result<()> {
        remove(&self.root)
    }
}

/// The variables by which this machine reaches registries, and no others.
fn environment(project: &Project) -> Vec<(String, OsString)> {
    let is_kept = |name: &str| {
        let lower = name.to_ascii_lowercase();
        lower.ends_with("_proxy")
            || lower.contains("cert")
            || lower.contains("ca_bundle")
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
