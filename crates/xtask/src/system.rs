//! The machine's own packages: what is there, and installing what is not.
//!
//! The rules: every change is said before it is made; packages are installed
//! by root only, and never with sudo; whoever may not install is told each
//! package by name.

use std::process::{Command, Stdio};

use anyhow::bail;

use crate::{process, say};

/// A Debian package that something here needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// What stops working without it, as a person would say it.
    pub(crate) needed_for: &'static str,
}

impl Package {
    pub(crate) fn new(name: impl Into<String>, needed_for: &'static str) -> Self {
        Self {
            name: name.into(),
            needed_for,
        }
    }
}

/// Whether packages can be installed here: Debian's installer, and root.
pub(crate) fn may_install() -> bool {
    process::find(["apt-get"]).is_some()
        && process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Whether dpkg has this package installed.
pub(crate) fn is_installed(name: &str) -> bool {
    process::output(Command::new("dpkg-query").args(["-W", "-f", "${Status}", name]))
        .is_ok_and(|status| status.trim() == "install ok installed")
}

/// Installs what is missing, or says why it cannot and what to install.
pub(crate) fn install(missing: &[Package]) -> anyhow::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    if !may_install() {
        bail!(missing_text(missing));
    }
    refresh_lists_for(missing.iter().map(|package| package.name.as_str()))?;
    let names: Vec<_> = missing
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    say::change(&format!(
        "Installing Debian packages with apt-get (a minute or two): {}",
        names.join(" ")
    ));
    if install_now(&names).is_err() {
        // Old lists name versions that are no longer served.
        say::note("That failed; trying once more with fresh package lists");
        update()?;
        if let Err(error) = install_now(&names) {
            bail!("{error:#}\n{}", missing_text(missing));
        }
    }
    Ok(())
}

fn install_now(names: &[&str]) -> anyhow::Result<()> {
    process::check(
        apt_get()
            .args(["install", "-qq", "-y", "--no-install-recommends"])
            // A package that would push out one of the user's own must fail and
            // not succeed.
            .arg("--no-remove")
            .args(names)
            .stdout(Stdio::null()),
    )
}

/// Fetches the package lists if they do not know one of these packages yet, as
/// on a new machine.
pub(crate) fn refresh_lists_for<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> anyhow::Result<()> {
    if names.into_iter().all(has_candidate) {
        return Ok(());
    }
    update()
}

fn update() -> anyhow::Result<()> {
    say::change("Fetching Debian's package lists (apt-get update)");
    process::check(apt_get().args(["update", "-qq"]).stdout(Stdio::null()))
}

/// Of the packages called `PREFIX` and a number, the one with the highest.
pub(crate) fn newest_numbered(prefix: &str) -> Option<String> {
    let names = process::output(Command::new("apt-cache").args(["pkgnames", prefix])).ok()?;
    newest_of(prefix, names.lines())
}

/// The name with the highest number behind the prefix, and nothing else.
pub(crate) fn newest_of<'a>(
    prefix: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    names
        .into_iter()
        .filter_map(|name| Some((name.strip_prefix(prefix)?.parse::<u32>().ok()?, name)))
        .max()
        .map(|(_, name)| name.to_owned())
}

fn has_candidate(name: &str) -> bool {
    process::output(Command::new("apt-cache").args(["policy", name])).is_ok_and(|policy| {
        policy
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Candidate:"))
            .any(|version| version.trim() != "(none)")
    })
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        // Another installer may be at work: wait for it instead of failing.
        .args(["-o", "DPkg::Lock::Timeout=300"]);
    command
}

fn missing_text(missing: &[Package]) -> String {
    let mut text = "these Debian packages are missing; install them as root with\n\n  apt-get install --no-install-recommends".to_owned();
    for package in missing {
        text.push(' ');
        text.push_str(&package.name);
    }
    text.push('\n');
    for package in missing {
        text.push_str(&format!("\n  {:<24} {}", package.name, package.needed_for));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        let names = ["lld-9", "lld-22", "lld-14", "lld-22-dev", "lldb-99", "lld"];
        assert_eq!(newest_of("lld-", names), Some("lld-22".to_owned()));
        assert_eq!(newest_of("lld-", ["lld"]), None);
    }

    #[test]
    fn who_may_not_install_is_told_each_package_and_why() {
        let text = missing_text(&[
            Package::new("chromium", "the browser tests"),
            Package::new("nodejs", "the browser tests and the stylesheet"),
        ]);
        assert!(text.contains("apt-get install --no-install-recommends chromium nodejs\n"));
        assert!(text.contains("chromium                 the browser tests\n"));
    }

    #[test]
    fn nothing_missing_is_nothing_to_do() {
        assert!(install(&[]).is_ok());
    }
}
