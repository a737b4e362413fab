//! A Debian in a chroot directory.

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

/// The Debian release that the project is tested on.
const SUITE: &str = "bookworm";
/// Project directory on the bare machine, with a space and non-ASCII characters.
const FOLDER: &str = "/root/on call 值班/tocsin";
/// Requirements of the README besides Rust.
const PACKAGES: &str = "ca-certificates,git,gcc,libc6-dev";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    Shared,
    None,
}

/// A Debian in a chroot directory.
#[derive(Debug)]
pub(super) struct BareMachine {
    root: PathBuf,
    rustup_home: PathBuf,
    environment: Vec<(String, OsString)>,
}

impl BareMachine {
    pub(super) fn create(project: &Project) -> Result<Self> {
        let machine = project.machine();
        let root = project.target().join(NAME);
        remove(&root)?;
        let step = terminal::step("Creating a bare Debian with debootstrap");
        let mirror = mirror_url(project, SUITE)?;
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
        let security = mirror_url(project, &format!("{SUITE}-security"))?;
        bare.outdate_package_lists(&mirror, &security)?;
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

    /// Copies the settings of this machine for reaching package registries.
    fn copy_settings(&self, home: &Path) -> Result<()> {
        let system = ["/etc/resolv.conf", "/etc/pip.conf", "/etc/npmrc"].map(PathBuf::from);
        let user =
            [".npmrc", ".config/pip/pip.conf", ".cargo/config.toml"].map(|name| home.join(name));
        for file in system.iter().chain(&user) {
            let name = file.strip_prefix(home).map_or_else(
                |_| self.root.join(file.strip_prefix("/").unwrap_or(file)),
                |name| self.at("/root").join(name),
            );
            self.copy(file, &name)?;
        }
        // Includes certificates that were added to those of Debian.
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
        // A symbolic link could lead out of the bare machine: do not write through it.
        let _ = fs::remove_file(to);
        fs::copy(from, to).map(drop).file("copy", from)
    }

    /// Adds the rustup programs. The toolchains are mounted read-only later.
    fn add_rustup(&self, project: &Project) -> Result<()> {
        let machine = project.machine();
        let rustup = machine.find("rustup").ok_or_else(|| {
            failed(
                "add a Rust toolchain to the bare machine",
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

    /// Fetches the package lists, and then adds the suites with newer versions, as in an
    /// outdated image.
    fn outdate_package_lists(&self, mirror: &str, security: &str) -> Result<()> {
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

    /// A shell command in the project directory of the bare machine.
    pub(super) fn command(&self, line: &str, network: Network) -> Command {
        // The mounts end with the last process of the namespace.
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

/// Environment variables of this machine for reaching package registries.
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

/// URL of this machine's mirror for a Debian release.
fn mirror_url(project: &Project, release: &str) -> Result<String> {
    let machine = project.machine();
    let mut command = machine.command("apt-get");
    command.args(["indextargets", "--format", "$(SITE) $(RELEASE)"]);
    let text = machine
        .output(&mut command)
        .map_err(|error| failed("determine the Debian mirror", error.to_string()))?;
    let mut sites = text.lines().filter_map(|line| {
        let (site, name) = line.split_once(' ')?;
        (name == release).then(|| site.to_owned())
    });
    sites.next().ok_or_else(|| {
        failed(
            "determine the Debian mirror",
            format!("The package sources of this machine do not include {release}"),
        )
    })
}

/// Removes a directory without mounts.
fn remove(root: &Path) -> Result<()> {
    if root.exists() {
        fs::remove_dir_all(root).file("remove", root)?;
    }
    Ok(())
}
