//! Installs missing and outdated Debian packages.
//!
//! - Every change is announced first.
//! - Only root installs packages; sudo is never used.
//! - Package lists are refreshed once per run, because the lists of an image can be
//!   months old, with versions that are too old or no longer served.
//! - No installed package is removed, and no hold is overridden.
//! - If a package cannot be installed, the error has the version found, the version
//!   required, and the command to run.

use std::{
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tocsin_machine::{CommandError, Machine, Version};

use crate::{
    failure::{Failure, Result},
    terminal,
};

/// Maximum time to wait for the lock of another installer.
const LOCK_TIMEOUT: Duration = Duration::from_secs(300);
const LOCK_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// A required Debian package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Minimum version. `None`: any version.
    pub(crate) minimum: Option<Version>,
    /// Purpose, shown to the user.
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

/// The package manager of a machine. Package lists are refreshed once per value.
#[derive(Debug)]
pub(crate) struct Apt {
    machine: Machine,
    lists: Mutex<Lists>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Lists {
    Unknown,
    Fresh,
    /// Some or all could not be fetched, with the error.
    Outdated(String),
}

impl Apt {
    pub(crate) fn new(machine: &Machine) -> Self {
        Self {
            machine: machine.clone(),
            lists: Mutex::new(Lists::Unknown),
        }
    }

    /// Whether the machine has apt-get.
    pub(crate) fn is_available(&self) -> bool {
        self.machine.find("apt-get").is_some()
    }

    /// Whether packages can be installed: requires apt-get and root.
    pub(crate) fn may_install(&self) -> bool {
        self.is_available() && self.machine.is_root()
    }

    /// Version of an installed package.
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

    /// Version available in the package lists.
    pub(crate) fn candidate(&self, package: &str) -> Option<Version> {
        let policy = self.output("apt-cache", &["policy", package]).ok()?;
        let mut lines = policy.lines().map(str::trim);
        parse(
            lines
                .find_map(|line| line.strip_prefix("Candidate:"))?
                .trim(),
        )
    }

    /// Dependencies of a package.
    pub(crate) fn dependencies(&self, package: &str) -> Vec<String> {
        let output = self.output("apt-cache", &["depends", package]);
        output
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Depends:"))
            .map(|name| name.trim().to_owned())
            .collect()
    }

    /// Refreshes the package lists, once per run. It is not an error if some of them
    /// cannot be fetched: they are not necessarily the ones required.
    ///
    /// # Errors
    /// [`Failure`] if another installer holds the lock for too long.
    pub(crate) fn refresh_lists(&self) -> Result<()> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if *lists != Lists::Unknown {
            return Ok(());
        }
        terminal::change("Refreshing Debian's package lists (apt-get update)");
        let result = self.run_with_lock("refresh Debian's package lists", || {
            let mut command = self.apt_get(&["update", "-qq"]);
            command
                // By default, apt-get succeeds even if lists cannot be fetched.
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
                    "Some package lists could not be refreshed: {}",
                    first_line(&error)
                ));
                Lists::Outdated(first_line(&error).to_owned())
            }
        };
        Ok(())
    }

    /// Installs or upgrades packages.
    ///
    /// # Errors
    /// [`Failure`] if they cannot be installed. It lists each package.
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
            let reason = if self.is_available() {
                "Only root can install packages"
            } else {
                "This machine has no apt-get"
            };
            return Err(failed(
                format!("{reason}; {}", self.requirements(packages)),
                format!(
                    "As root, run `{}`, then try again",
                    install_command(packages)
                ),
            ));
        }
        self.refresh_lists()?;
        let list_error = || match &*self.lists.lock().unwrap_or_else(PoisonError::into_inner) {
            Lists::Outdated(error) => {
                format!(", and the package lists could not be refreshed ({error})")
            }
            Lists::Unknown | Lists::Fresh => String::new(),
        };
        for package in packages {
            self.require_candidate(package, &list_error)
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
            "Installing Debian packages with apt-get, which takes a minute or two: {}",
            names.join(" ")
        ));
        let result = self.run_with_lock("install Debian packages", || {
            let mut command = self.apt_get(&["install", "-qq", "-y", "--no-install-recommends"]);
            // Fail instead of removing a package of the user.
            command.arg("--no-remove").args(&names);
            command
        })?;
        result.map_err(|error| {
            failed(
                format!("apt-get failed: {}{}", error.trim(), list_error()),
                format!(
                    "Fix the error (as root, `{}` shows the full output), then try again",
                    install_command(packages)
                ),
            )
        })
    }

    /// Fails if no sufficient version is available.
    fn require_candidate(
        &self,
        package: &Package,
        list_error: &dyn Fn() -> String,
    ) -> Result<(), (String, String)> {
        let candidate = self.candidate(&package.name);
        let is_sufficient = match (&candidate, &package.minimum) {
            (None, _) => false,
            (Some(candidate), Some(minimum)) => candidate >= minimum,
            (Some(_), None) => true,
        };
        if is_sufficient {
            return Ok(());
        }
        let available = candidate.map_or_else(
            || "is not available".to_owned(),
            |version| format!("is available in version {version}"),
        );
        let required = package
            .minimum
            .as_ref()
            .map_or_else(String::new, |minimum| {
                format!(", and {minimum} or later is required")
            });
        Err((
            format!(
                "{} {available}{required}{}",
                package.name,
                list_error()
            ),
            "Check /etc/apt/sources.list and /etc/apt/preferences (Debian's security suite has the newest \
             versions), run `apt-get update`, then try again"
                .to_owned(),
        ))
    }

    /// Fails if one of the packages is held back.
    fn require_no_hold(&self, packages: &[Package]) -> Result<(), (String, String)> {
        let holds = self.output("apt-mark", &["showhold"]).unwrap_or_default();
        let is_held = |package: &&Package| holds.lines().any(|name| name.trim() == package.name);
        let Some(package) = packages.iter().find(is_held) else {
            return Ok(());
        };
        let version = self.installed(&package.name);
        let version = version.map_or_else(String::new, |version| format!(" in version {version}"));
        let required = package
            .minimum
            .as_ref()
            .map_or_else(String::new, |minimum| {
                format!("; {minimum} or later is required")
            });
        Err((
            format!("{} is held back{version}{required}", package.name),
            format!(
                "As root, run `apt-mark unhold {}`, then try again",
                package.name
            ),
        ))
    }

    /// Finishes an interrupted installation.
    fn finish_interrupted(&self) -> Result<()> {
        let audit = self.output("dpkg", &["--audit"]).unwrap_or_default();
        if audit.trim().is_empty() {
            return Ok(());
        }
        terminal::change("Finishing an interrupted installation (dpkg --configure -a)");
        let result = self.run_with_lock("finish an interrupted installation", || {
            let mut command = self.machine.command("dpkg");
            command
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(["--configure", "-a"]);
            command
        })?;
        result.map_err(|error| {
            Failure::new(
                "finish an interrupted installation of Debian packages",
                format!("`dpkg --configure -a` failed: {error}"),
                "Fix the error, then try again",
            )
        })
    }

    /// Runs a command, and retries while another installer holds the lock. The inner
    /// error is the output of the command.
    fn run_with_lock(
        &self,
        tried: &str,
        command: impl Fn() -> Command,
    ) -> Result<Result<(), String>> {
        let since = Instant::now();
        let mut is_announced = false;
        loop {
            let error = match self.machine.output(&mut command()) {
                Ok(_) => return Ok(Ok(())),
                Err(CommandError { reason, stderr, .. }) if stderr.is_empty() => reason,
                Err(CommandError { stderr, .. }) => stderr,
            };
            let Some(holder) = lock_holder(&error) else {
                return Ok(Err(error));
            };
            if since.elapsed() > LOCK_TIMEOUT {
                return Err(Failure::new(
                    tried,
                    format!("Another installer ({holder}) has been running for five minutes"),
                    "Wait for it to finish or stop it, then try again",
                ));
            }
            if !is_announced {
                terminal::note(&format!("Waiting for another installer: {holder}"));
                is_announced = true;
            }
            thread::sleep(LOCK_RETRY_INTERVAL);
        }
    }

    /// Lists each package with its installed version, required version and purpose.
    fn requirements(&self, packages: &[Package]) -> String {
        let requirements: Vec<_> = packages
            .iter()
            .map(|package| {
                let installed = self.installed(&package.name);
                let found = match (installed, &package.minimum) {
                    (Some(found), Some(minimum)) => {
                        format!(": {found} is installed, {minimum} is required")
                    }
                    (Some(found), None) => format!(": {found} is installed"),
                    (None, Some(minimum)) => format!(" {minimum} or later"),
                    (None, None) => String::new(),
                };
                format!("{}{found} (for {})", package.name, package.needed_for)
            })
            .collect();
        format!("required packages: {}", requirements.join(", "))
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

    fn output(&self, program: &str, arguments: &[&str]) -> Result<String, CommandError> {
        let mut command = self.machine.command(program);
        self.machine
            .output(command.env("LC_ALL", "C").args(arguments))
    }
}

/// Parses a version without Debian's epoch. `None` for `(none)`.
fn parse(version: &str) -> Option<Version> {
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    Version::parse(upstream)
}

/// Process that holds the lock, from the error message of apt or dpkg. `None` if the
/// error has another cause.
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

/// Command that installs the packages manually.
fn install_command(packages: &[Package]) -> String {
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
