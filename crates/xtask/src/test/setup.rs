//! What the tests need of the machine, and getting it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use crate::{
    process, project,
    project::Project,
    say,
    system::{self, Package},
    toolchain,
};

/// Something of the machine that some layers need.
struct Need {
    package: &'static str,
    needed_for: &'static str,
    layers: &'static [&'static str],
    present: fn() -> bool,
}

const NEEDS: [Need; 9] = [
    Need {
        package: "prometheus",
        needed_for: "the tests with the real Prometheus",
        layers: &["e2e"],
        present: || process::find(["prometheus"]).is_some(),
    },
    Need {
        package: "prometheus-alertmanager",
        needed_for: "the tests with the real Alertmanager",
        layers: &["e2e", "bench"],
        present: || process::find(["prometheus-alertmanager", "alertmanager"]).is_some(),
    },
    Need {
        package: "postgresql",
        needed_for: "the tests on PostgreSQL, in a throw-away cluster",
        layers: &["unit", "e2e", "bench"],
        present: || postgresql().is_some(),
    },
    Need {
        package: "python3",
        needed_for: "the tests' SMTP server",
        layers: &["unit", "e2e", "browser"],
        present: || process::find(["python3"]).is_some(),
    },
    Need {
        package: "python3-venv",
        needed_for: "the tester of the API's description",
        layers: &["contract"],
        present: || {
            process::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]))
        },
    },
    Need {
        package: "nodejs",
        needed_for: "the browser tests, the stylesheet and the tests' OpenID provider",
        layers: &["styles", "e2e", "browser"],
        present: || process::find(["node"]).is_some(),
    },
    Need {
        package: "npm",
        needed_for: "the browser tests, the stylesheet and the tests' OpenID provider",
        layers: &["styles", "e2e", "browser"],
        present: || process::find(["npm"]).is_some(),
    },
    Need {
        package: "chromium",
        needed_for: "the browser tests",
        layers: &["browser"],
        present: || chromium().is_some(),
    },
    Need {
        package: "fonts-wqy-microhei",
        needed_for: "Chinese text in the browser tests",
        layers: &["browser"],
        present: || system::is_installed("fonts-wqy-microhei"),
    },
];

/// The layers whose tests talk to a real SMTP server, a program in Python.
const WITH_MAIL: [&str; 3] = ["unit", "e2e", "browser"];
const MAIL_PACKAGE: &str = "python3-aiosmtpd";

/// What was found, for the tests to use.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// There is a `cargo nextest`.
    pub(super) nextest: bool,
    python: Option<PathBuf>,
    chromium: Option<PathBuf>,
    postgresql: Option<PathBuf>,
}

impl Found {
    /// The variables by which tests learn where things are.
    pub(super) fn environment(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        [
            ("TOCSIN_TEST_PYTHON", &self.python),
            ("TOCSIN_TEST_CHROMIUM", &self.chromium),
            ("TOCSIN_TEST_POSTGRES_BIN", &self.postgresql),
        ]
        .into_iter()
        .filter_map(|(name, path)| Some((name, path.as_deref()?)))
    }
}

/// Finds what the chosen layers need; installs what is missing or names it.
pub(super) fn prepare(project: &Project, layers: &[&str]) -> anyhow::Result<Found> {
    let step = say::step("Looking for what the tests need");
    components(layers)?;
    let mut missing: Vec<Package> = needed_by(layers)
        .filter(|need| !(need.present)())
        .map(|need| Package::new(need.package, need.needed_for))
        .collect();
    let mail = layers.iter().any(|layer| WITH_MAIL.contains(layer));
    // Without root the library can still be had for ourselves alone, below.
    if mail && python().is_none() && (system::may_install() || !missing.is_empty()) {
        missing.push(Package::new(MAIL_PACKAGE, "the tests' SMTP server"));
    }
    system::install(&missing)?;
    if layers
        .iter()
        .any(|layer| !["format", "styles"].contains(layer))
    {
        toolchain::find()?;
    }
    let found = Found {
        nextest: process::succeeds(project::cargo().args(["nextest", "--version"])),
        python: if mail {
            Some(python_or_own(project)?)
        } else {
            None
        },
        chromium: chromium(),
        postgresql: postgresql(),
    };
    if !found.nextest {
        say::note("cargo nextest is not installed: cargo's own test runner is used");
    }
    step.done("");
    Ok(found)
}

fn needed_by<'a>(layers: &'a [&str]) -> impl Iterator<Item = &'static Need> + use<'a> {
    NEEDS
        .iter()
        .filter(|need| need.layers.iter().any(|layer| layers.contains(layer)))
}

/// The parts of the Rust toolchain that its smallest installation leaves out.
fn components(layers: &[&str]) -> anyhow::Result<()> {
    for (layer, command, component) in [("format", "fmt", "rustfmt"), ("lint", "clippy", "clippy")]
    {
        if layers.contains(&layer) {
            process::output(project::cargo().args([command, "--version"])).with_context(|| {
                format!("cargo {command} is missing; run `rustup component add {component}`")
            })?;
        }
    }
    Ok(())
}

fn chromium() -> Option<PathBuf> {
    process::find(["chromium", "chromium-browser", "google-chrome"])
}

/// The folder of the newest PostgreSQL server's programs, which Debian keeps out
/// of the path.
fn postgresql() -> Option<PathBuf> {
    let is_server = |folder: &PathBuf| {
        ["initdb", "postgres"]
            .iter()
            .all(|name| process::is_program(&folder.join(name)))
    };
    let versions = Path::new("/usr/lib/postgresql").read_dir().ok();
    let newest = versions
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, folder)| is_server(folder))
        .max();
    newest.map(|(_, folder)| folder).or_else(|| {
        let initdb = process::find(["initdb"])?;
        Some(initdb.parent()?.to_owned()).filter(is_server)
    })
}

/// A Python that has aiosmtpd. Debian's package belongs to Debian's Python, which
/// need not be the first in the path.
fn python() -> Option<PathBuf> {
    [process::find(["python3"]), Some("/usr/bin/python3".into())]
        .into_iter()
        .flatten()
        .find(|python| imports_aiosmtpd(python))
}

fn imports_aiosmtpd(python: &Path) -> bool {
    process::succeeds(Command::new(python).args(["-c", "import aiosmtpd.controller"]))
}

/// As [`python`], else one in the build folder: no change to the system.
fn python_or_own(project: &Project) -> anyhow::Result<PathBuf> {
    if let Some(python) = python() {
        return Ok(python);
    }
    let folder = project.target().join("test-python");
    let own = folder.join("bin/python");
    if !imports_aiosmtpd(&own) {
        say::note(&format!("Putting aiosmtpd into {}", folder.display()));
        let made = process::output(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            .and_then(|_| {
                process::output(
                    Command::new(&own).args(["-m", "pip", "install", "--quiet", "aiosmtpd"]),
                )
            });
        made.with_context(|| {
            format!("the tests' SMTP server needs the Debian package {MAIL_PACKAGE}")
        })?;
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_asks_only_for_its_own() {
        let names =
            |layers: &[&str]| -> Vec<_> { needed_by(layers).map(|need| need.package).collect() };
        assert!(names(&["format", "lint"]).is_empty());
        assert_eq!(names(&["styles"]), ["nodejs", "npm"]);
        assert!(names(&["browser"]).contains(&"chromium"));
        assert!(!names(&["e2e"]).contains(&"chromium"));
    }

    #[test]
    fn tests_are_told_only_of_what_is_there() {
        let found = Found {
            python: Some("/usr/bin/python3".into()),
            ..Found::default()
        };
        let told: Vec<_> = found.environment().collect();
        assert_eq!(
            told,
            [("TOCSIN_TEST_PYTHON", Path::new("/usr/bin/python3"))]
        );
    }
}
