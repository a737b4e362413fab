//! Debian's packages: installing what is missing or too old.
//!
//! The rules: every change is announced before it is made; packages are
//! installed by root only, and never with sudo; they are installed from package
//! lists that were refreshed in this run, because the lists of an image are
//! months old and offer versions that are too old or no longer served; nothing
//! of the user's is removed and no hold is overridden. What cannot be installed
//! is named with the version found, the version needed, and the command that helps.

use std::{
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tocsin_machine::{Failed, Machine, Version};

use crate::{
    failure::{Failure, Result},
    terminal,
};

/// How long another installer may take before this gives up.
const PATIENCE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_secs(1);

/// A Debian package that something here needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// The lowest version that will do; `None` for any.
    pub(crate) minimum: Option<Version>,
    /// What needs it, for people.
    pub(crate) needed_for: &'static str,
}

impl Package {
    pub(crate) fn new(name: impl Into<String>, needed_for: &'static str) -> Self {
        Self {
            name: name.into(),
            minimum: None,
            needed_for,
        }
    }

    pub(crate) fn at_least(mut self, minimum: &Version) -> Self {
        self.minimum = Some(minimum.clone());
        self
    }
}

/// The package manager of a machine, for one run.
#[derive(Debug)]
pub(crate) struct Apt {
    machine: Machine,
    lists: Mutex<Lists>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Lists {
    Unknown,
    Fresh,
    /// Some or all could not be fetched, and why.
    Old(String),
}

impl Apt {
    pub(crate) fn new(machine: &Machine) -> Self {
        Self {
            machine: machine.clone(),
            lists: Mutex::new(Lists::Unknown),
        }
    }

    /// Whether this is a Debian.
    pub(crate) fn is_here(&self) -> bool {
        self.machine.find("apt-get").is_some()
    }

    /// Whether packages can be installed: apt, and root.
    pub(crate) fn may_install(&self) -> bool {
        self.is_here() && self.machine.is_root()
    }

    /// The version of an installed package.
    pub(crate) fn installed(&self, package: &str) -> Option<Version> {
        let format = "${db:Status-Status} ${Version}";
        let output = self.output("dpkg-query", &["-W", "-f", format, package]);
        let output = output.ok()?;
        let (status, version) = output.trim().split_once(' ')?;
        if status == "installed" {
            parse(version)
        } else {
            None
        }
    }

    /// The version that the package lists offer.
    pub(crate) fn candidate(&self, package: &str) -> Option<Version> {
        let policy = self.output("apt-cache", &["policy", package]).ok()?;
        let mut lines = policy.lines().map(str::trim);
        parse(
            lines
                .find_map(|line| line.strip_prefix("Candidate:"))?
                .trim(),
        )
    }

    /// Packages that a package depends on, or its newest offered version does.
    pub(crate) fn dependencies(&self, package: &str) -> Vec<String> {
        let output = self.output("apt-cache", &["depends", package]);
        output
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Depends:"))
            .map(|name| name.trim().to_owned())
            .collect()
    }

    /// Fetches the package lists, once in a run. That some cannot be fetched is
    /// no failure yet: those of another repository may be the ones needed.
    ///
    /// # Errors
    /// Another installer is at work and does not end.
    pub(crate) fn refresh_lists(&self) -> Result<()> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if *lists != Lists::Unknown {
            return Ok(());
        }
        terminal::change("Refreshing Debian's package lists (apt-get update)");
        let result = self.patiently("refresh Debian's package lists", || {
            let mut command = self.apt_get(&["update", "-qq"]);
            command
                // Without it, lists that cannot be fetched are a success.
                .args(["-o", "APT::Update::Error-Mode=any"])
                .args(["-o", "Acquire::Retries=1"])
                .args(["-o", "Acquire::http::Timeout=20"])
                .args(["-o", "Acquire::https::Timeout=20"]);
            command
        })?;
        *lists = match result {
            Ok(()) => Lists::Fresh,
            Err(error) => {
                terminal::note(&format!(
                    "Not all package lists could be refreshed: {}",
                    first_line(&error)
                ));
                Lists::Old(first_line(&error).to_owned())
            }
        };
        Ok(())
    }

    /// Installs packages, or upgrades them.
    ///
    /// # Errors
    /// They cannot be installed here; the failure names each.
    pub(crate) fn install(&self, packages: &[Package]) -> Result<()> {
        if packages.is_empty() {
            return Ok(());
        }
        let failed = |found: String, remedy: String| {
            let names: Vec<_> = packages
                .iter()
                .map(|package| package.name.as_str())
                .collect();
            let tried = format!("install the Debian packages {}", names.join(" "));
            Failure::new(tried, found, remedy)
        };
        if !self.may_install() {
            let why = if self.is_here() {
                "Only root can install packages"
            } else {
                "This machine has no apt-get"
            };
            return Err(failed(
                format!("{why}; {}", self.needs(packages)),
                format!(
                    "As root, run `{}`, and then the same command again",
                    by_hand(packages)
                ),
            ));
        }
        self.refresh_lists()?;
        let old_lists = || match &*self.lists.lock().unwrap_or_else(PoisonError::into_inner) {
            Lists::Old(error) => {
                format!(", and the package lists could not be refreshed ({error})")
            }
            Lists::Unknown | Lists::Fresh => String::new(),
        };
        for package in packages {
            self.require_candidate(package, &old_lists)
                .map_err(|(found, remedy)| failed(found, remedy))?;
        }
        self.require_no_hold(packages)
            .map_err(|(found, remedy)| failed(found, remedy))?;
        self.finish_interrupted()?;
        let names: Vec<_> = packages
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        terminal::change(&format!(
            "Installing Debian packages with apt-get (a minute or two): {}",
            names.join(" ")
        ));
        let result = self.patiently("install Debian packages", || {
            let mut command = self.apt_get(&["install", "-qq", "-y", "--no-install-recommends"]);
            // A package that would push out one of the user's own must fail.
            command.arg("--no-remove").args(&names);
            command
        })?;
        result.map_err(|error| {
            failed(
                format!("apt-get says: {}{}", error.trim(), old_lists()),
                format!(
                    "Correct that (as root, `{}` shows all of it), and run the same command again",
                    by_hand(packages)
                ),
            )
        })
    }

    /// Fails where the lists offer nothing that is new enough.
    fn require_candidate(
        &self,
        package: &Package,
        old_lists: &dyn Fn() -> String,
    ) -> Result<(), (String, String)> {
        let candidate = self.candidate(&package.name);
        let is_enough = match (&candidate, &package.minimum) {
            (None, _) => false,
            (Some(candidate), Some(minimum)) => candidate >= minimum,
            (Some(_), None) => true,
        };
        if is_enough {
            return Ok(());
        }
        let offered = candidate.map_or_else(
            || "not at all".to_owned(),
            |version| format!("in version {version}"),
        );
        let needed = package
            .minimum
            .as_ref()
            .map_or_else(String::new, |minimum| {
                format!(", and {minimum} or later is needed")
            });
        Err((
            format!(
                "Debian offers {} {offered}{needed}{}",
                package.name,
                old_lists()
            ),
            "Check /etc/apt/sources.list and /etc/apt/preferences (Debian's security suite has the newest \
             versions), run `apt-get update`, and then the same command again"
                .to_owned(),
        ))
    }

    /// Fails where the user holds a package back that is too old.
    fn require_no_hold(&self, packages: &[Package]) -> Result<(), (String, String)> {
        let holds = self.output("apt-mark", &["showhold"]).unwrap_or_default();
        let is_held = |package: &&Package| holds.lines().any(|name| name.trim() == package.name);
        let Some(package) = packages.iter().find(is_held) else {
            return Ok(());
        };
        let version = self.installed(&package.name);
        let version = version.map_or_else(String::new, |version| format!(" in version {version}"));
        let needed = package
            .minimum
            .as_ref()
            .map_or_else(String::new, |minimum| {
                format!("; {minimum} or later is needed")
            });
        Err((
            format!("{} is held back{version}{needed}", package.name),
            format!(
                "As root, run `apt-mark unhold {}`, and then the same command again",
                package.name
            ),
        ))
    }

    /// Finishes what an earlier run was stopped in.
    fn finish_interrupted(&self) -> Result<()> {
        let audit = self.output("dpkg", &["--audit"]).unwrap_or_default();
        if audit.trim().is_empty() {
            return Ok(());
        }
        terminal::change("Finishing an interrupted installation (dpkg --configure -a)");
        let result = self.patiently("finish an interrupted installation", || {
            let mut command = self.machine.command("dpkg");
            command
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(["--configure", "-a"]);
            command
        })?;
        result.map_err(|error| {
            Failure::new(
                "finish an interrupted installation of Debian packages",
                format!("`dpkg --configure -a` says: {error}"),
                "Correct what it names and try again",
            )
        })
    }

    /// Runs a command until it is not refused because another one is at work. The
    /// inner error is what the command said.
    fn patiently(&self, tried: &str, command: impl Fn() -> Command) -> Result<Result<(), String>> {
        let since = Instant::now();
        let mut is_said = false;
        loop {
            let error = match self.machine.output(&mut command()) {
                Ok(_) => return Ok(Ok(())),
                Err(Failed { reason, stderr, .. }) if stderr.is_empty() => reason,
                Err(Failed { stderr, .. }) => stderr,
            };
            let Some(holder) = lock_holder(&error) else {
                return Ok(Err(error));
            };
            if since.elapsed() > PATIENCE {
                return Err(Failure::new(
                    tried,
                    format!("Another installer ({holder}) has been at work for five minutes"),
                    "Wait for its end or stop it, and run the same command again",
                ));
            }
            if !is_said {
                terminal::note(&format!("Waiting for another installer to end: {holder}"));
                is_said = true;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Each package with what is there and what needs it.
    fn needs(&self, packages: &[Package]) -> String {
        let needs: Vec<_> = packages
            .iter()
            .map(|package| {
                let installed = self.installed(&package.name);
                let found = match (installed, &package.minimum) {
                    (Some(found), Some(minimum)) => {
                        format!(": {found} is installed, {minimum} is needed")
                    }
                    (Some(found), None) => format!(": {found} is installed"),
                    (None, Some(minimum)) => format!(" {minimum} or later"),
                    (None, None) => String::new(),
                };
                format!("{}{found} (for {})", package.name, package.needed_for)
            })
            .collect();
        format!("needed are {}", needs.join(", "))
    }

    fn apt_get(&self, arguments: &[&str]) -> Command {
        let mut command = self.machine.command("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C")
            .args(arguments)
            .args(["-o", "DPkg::Lock::Timeout=5"]);
        command
    }

    fn output(&self, program: &str, arguments: &[&str]) -> Result<String, Failed> {
        let mut command = self.machine.command(program);
        self.machine
            .output(command.env("LC_ALL", "C").args(arguments))
    }
}

/// A version without Debian's epoch; `None` for `(none)`.
fn parse(version: &str) -> Option<Version> {
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    Version::parse(upstream)
}

/// Who holds the lock that a message complains of.
fn lock_holder(message: &str) -> Option<&str> {
    if !message.contains("Could not get lock") && !message.contains("frontend lock") {
        return None;
    }
    let holder = message.split_once("held by ").map(|(_, holder)| holder);
    let holder = holder.and_then(|holder| holder.lines().next());
    Some(holder.map_or("another apt or dpkg", |holder| holder.trim_end_matches('.')))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

fn by_hand(packages: &[Package]) -> String {
    let names: Vec<_> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    format!(
        "apt-get update && apt-get install --no-install-recommends {}",
        names.join(" ")
    )
}

#[cfg(test)]
mod tests;
