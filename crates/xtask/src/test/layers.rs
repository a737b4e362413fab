//! What each layer runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::ensure;

use super::{
    Bench,
    summary::{Counts, Runner},
};
use crate::{
    bench as measuring, frontend, openapi, process, project, say,
    server::{self, EMBED, TEST_SELECTION},
    styles,
};

/// The end-to-end tests' package: a layer of its own.
const END_TO_END: &str = "tocsin-tests";

/// The formatter, naming the files that are not as it would write them.
pub(super) fn format(bench: &mut Bench) -> anyhow::Result<Counts> {
    let list = ["--check", "--", "--files-with-diff"];
    both(
        process::check(server::cargo(&bench.project, "fmt").arg("--all").args(list)),
        process::check(cargo_in_frontend(bench, "fmt").args(list)),
    )
}

pub(super) fn frontend(bench: &mut Bench) -> anyhow::Result<Counts> {
    bench.browser_files()?;
    Ok(Counts::of_checks(1))
}

/// Clippy, with warnings as errors. The browser program is looked at as a program
/// of this machine: that needs no WebAssembly toolchain with a clippy.
pub(super) fn lint(bench: &mut Bench) -> anyhow::Result<Counts> {
    bench.browser_files()?;
    both(
        process::check(
            server::cargo(&bench.project, "clippy")
                .args(TEST_SELECTION)
                .args(["--", "--deny", "warnings"]),
        ),
        process::check(cargo_in_frontend(bench, "clippy").args([
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ])),
    )
}

/// The tests inside the crates, their documentation's examples, and the tests
/// inside the browser program that need no browser.
pub(super) fn unit(bench: &mut Bench) -> anyhow::Result<Counts> {
    bench.browser_files()?;
    let mut counts = bench.cargo_tests(
        &format!("not package({END_TO_END})"),
        &["--workspace", "--exclude", END_TO_END, "--features", EMBED],
    )?;
    counts += heard(
        bench
            .with_environment(&mut server::cargo(&bench.project, "test"))
            .args(["--workspace", "--features", EMBED, "--doc"]),
        Runner::CargoTest,
    )?;
    if has_tests(&bench.project.frontend().join("src")) {
        counts += heard(
            cargo_in_frontend(bench, "test").arg("--no-fail-fast"),
            Runner::CargoTest,
        )?;
    }
    Ok(counts)
}

pub(super) fn styles(bench: &mut Bench) -> anyhow::Result<Counts> {
    styles::check(&bench.project)?;
    Ok(Counts::of_checks(1))
}

pub(super) fn openapi(bench: &mut Bench) -> anyhow::Result<Counts> {
    let binary = bench.binary()?;
    openapi::check(&bench.project, &binary)?;
    Ok(Counts::of_checks(1))
}

/// The real program, from outside, without a browser.
pub(super) fn e2e(bench: &mut Bench) -> anyhow::Result<Counts> {
    bench.binary()?;
    // The OpenID provider that people sign in with.
    styles::npm_install(&bench.project.join("tests/oidc"))?;
    bench.cargo_tests(
        &format!("package({END_TO_END})"),
        &["--package", END_TO_END],
    )
}

/// The real program in a real browser.
pub(super) fn browser(bench: &mut Bench) -> anyhow::Result<Counts> {
    bench.binary()?;
    let folder = bench.project.join("tests/browser");
    ensure!(
        folder.join("package.json").exists(),
        "there are no browser tests in {}",
        folder.display()
    );
    styles::npm_install(&folder)?;
    heard(
        bench
            .with_environment(&mut Command::new("node"))
            .args(["--test", "--test-reporter=spec"])
            .current_dir(folder),
        Runner::Node,
    )
}

/// The benchmark, small: that it works, whatever it measures.
pub(super) fn bench(bench: &mut Bench) -> anyhow::Result<Counts> {
    let server = bench.binary()?;
    let built = server.parent().unwrap_or(&server);
    measuring::small(&bench.project, built)?;
    Ok(Counts::of_checks(1))
}

impl Bench {
    /// The browser files, made once.
    fn browser_files(&mut self) -> anyhow::Result<()> {
        if !self.browser_files {
            frontend::build(&self.project, true)?;
            self.browser_files = true;
        }
        Ok(())
    }

    /// The server under test, built once.
    pub(super) fn binary(&mut self) -> anyhow::Result<PathBuf> {
        if let Some(binary) = &self.binary {
            return Ok(binary.clone());
        }
        self.browser_files()?;
        let binary = server::build_for_tests(&self.project)?;
        Ok(self.binary.insert(binary).clone())
    }

    /// Tests of the server's workspace. With nextest a filter chooses among them, so
    /// that what is built stays the same; cargo's own runner chooses packages.
    fn cargo_tests(&self, filter: &str, packages: &[&str]) -> anyhow::Result<Counts> {
        let (mut command, runner) = if self.found.nextest {
            let mut command = server::cargo(&self.project, "nextest");
            command.arg("run").args(TEST_SELECTION).args(["-E", filter]);
            (command, Runner::Nextest)
        } else {
            let mut command = server::cargo(&self.project, "test");
            command.args(packages).args(["--lib", "--bins", "--tests"]);
            (command, Runner::CargoTest)
        };
        heard(
            self.with_environment(&mut command).arg("--no-fail-fast"),
            runner,
        )
    }

    /// Tells the tests where to find what was prepared for them.
    fn with_environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Some(binary) = &self.binary {
            command.env("TOCSIN_BIN", binary);
        }
        for (name, path) in self.found.environment() {
            command.env(name, path);
        }
        command
    }
}

/// Two checks, of which the second runs even where the first fails.
fn both(first: anyhow::Result<()>, second: anyhow::Result<()>) -> anyhow::Result<Counts> {
    let failures: Vec<_> = [first, second]
        .into_iter()
        .filter_map(Result::err)
        .map(|error| format!("{error:#}"))
        .collect();
    ensure!(failures.is_empty(), failures.join("\n"));
    Ok(Counts::of_checks(2))
}

/// Runs a test runner and reads its closing lines.
pub(super) fn heard(command: &mut Command, runner: Runner) -> anyhow::Result<Counts> {
    let heard = process::listen(command)?;
    let counts = runner.counts(&heard.text);
    ensure!(
        heard.success || counts.failed > 0,
        "the tests did not run to their end"
    );
    if counts.failed > 0 {
        say::error(&format!("{} failed", counts.failed));
    }
    Ok(counts)
}

/// Cargo on the browser program, as a program of this machine.
fn cargo_in_frontend(bench: &Bench, command: &str) -> Command {
    let mut cargo = project::cargo();
    cargo
        .arg(command)
        .env("CARGO_TARGET_DIR", bench.project.frontend_target())
        .current_dir(bench.project.frontend());
    cargo
}

/// Whether any file below has a unit test: compiling the browser program for
/// this machine is not worth it otherwise.
fn has_tests(folder: &Path) -> bool {
    let Ok(entries) = folder.read_dir() else {
        return false;
    };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            has_tests(&path)
        } else {
            fs::read_to_string(path).is_ok_and(|text| text.contains("#[test]"))
        }
    })
}
