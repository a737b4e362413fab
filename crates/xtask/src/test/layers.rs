//! What each layer runs.

use std::{path::PathBuf, process::Command};

use super::{
    Bench,
    summary::{Counts, Runner},
};
use crate::{
    bench as measuring,
    failure::{Failure, Result},
    frontend, node, openapi, process,
    server::{self, EMBED, TEST_SELECTION},
    styles, terminal,
};

/// The end-to-end tests' package: a layer of its own.
const END_TO_END: &str = "tocsin-tests";

/// The formatter, naming the files that are not as it would write them.
pub(super) fn format(bench: &mut Bench) -> Result<Counts> {
    let list = ["--check", "--", "--files-with-diff"];
    all([
        process::check(bench.project.cargo("fmt").arg("--all").args(list)),
        process::check(cargo_in(bench, Apart::Xtask, "fmt").args(list)),
        process::check(cargo_in(bench, Apart::Frontend, "fmt").args(list)),
    ])
}

pub(super) fn frontend(bench: &mut Bench) -> Result<Counts> {
    bench.browser_files()?;
    Ok(Counts::of_checks(1))
}

/// Clippy, with warnings as errors. The browser program is looked at as a program
/// of this machine: that needs no WebAssembly toolchain with a clippy.
pub(super) fn lint(bench: &mut Bench) -> Result<Counts> {
    bench.browser_files()?;
    let strictly = ["--", "--deny", "warnings"];
    all([
        process::check(
            bench
                .project
                .cargo("clippy")
                .args(TEST_SELECTION)
                .args(strictly),
        ),
        process::check(
            cargo_in(bench, Apart::Xtask, "clippy")
                .arg("--all-targets")
                .args(strictly),
        ),
        process::check(
            cargo_in(bench, Apart::Frontend, "clippy")
                .arg("--all-targets")
                .args(strictly),
        ),
    ])
}

/// The tests inside the crates, their documentation's examples, and the tests
/// inside the browser program that need no browser.
pub(super) fn unit(bench: &mut Bench) -> Result<Counts> {
    bench.browser_files()?;
    let mut counts = bench.cargo_tests(
        &format!("not package({END_TO_END})"),
        // All but `e2e`, which is the only one whose name begins so.
        &["--lib", "--bins", "--test", "[!e]*"],
    )?;
    counts += counted(
        bench
            .with_environment(&mut bench.project.cargo("test"))
            .args(["--workspace", "--features", EMBED, "--doc"]),
        Runner::CargoTest,
    )?;
    for apart in [Apart::Xtask, Apart::Frontend] {
        counts += counted(
            cargo_in(bench, apart, "test").arg("--no-fail-fast"),
            Runner::CargoTest,
        )?;
    }
    Ok(counts)
}

pub(super) fn styles(bench: &mut Bench) -> Result<Counts> {
    styles::check(&bench.project, &bench.apt)?;
    Ok(Counts::of_checks(1))
}

pub(super) fn openapi(bench: &mut Bench) -> Result<Counts> {
    let binary = bench.binary()?;
    openapi::check(&bench.project, &binary)?;
    Ok(Counts::of_checks(1))
}

/// The real program, from outside, without a browser.
pub(super) fn e2e(bench: &mut Bench) -> Result<Counts> {
    bench.binary()?;
    // The OpenID provider of the single sign-on tests.
    bench.npm_packages("tests/oidc")?;
    bench.cargo_tests(&format!("package({END_TO_END})"), &["--test", "e2e"])
}

/// The real program in a real browser.
pub(super) fn browser(bench: &mut Bench) -> Result<Counts> {
    bench.binary()?;
    let folder = bench.npm_packages("tests/browser")?;
    let node = bench.node()?;
    let program = node.node.path.clone();
    counted(
        bench
            .with_environment(&mut node.run(bench.project.machine(), &program))
            .args(["--test", "--test-reporter=spec"])
            .current_dir(folder),
        Runner::Node,
    )
}

/// The benchmark, small: that it works, whatever it measures.
pub(super) fn bench(bench: &mut Bench) -> Result<Counts> {
    let server = bench.binary()?;
    measuring::small(&bench.project, &server)?;
    Ok(Counts::of_checks(1))
}

impl Bench {
    /// The browser files, made once.
    fn browser_files(&mut self) -> Result<()> {
        if !self.browser_files {
            frontend::build(&self.project, &self.apt, true)?;
            self.browser_files = true;
        }
        Ok(())
    }

    /// The server under test, built once.
    pub(super) fn binary(&mut self) -> Result<PathBuf> {
        if let Some(binary) = &self.binary {
            return Ok(binary.clone());
        }
        self.browser_files()?;
        let binary = server::build_for_tests(&self.project)?;
        Ok(self.binary.insert(binary).clone())
    }

    fn node(&self) -> Result<node::Node> {
        node::find(&self.project, &self.apt)
    }

    /// The npm packages of a folder.
    fn npm_packages(&self, folder: &str) -> Result<PathBuf> {
        let folder = self.project.join(folder);
        node::install_packages(self.project.machine(), &self.node()?, &folder)?;
        Ok(folder)
    }

    /// Tests of the server's workspace. With nextest a filter chooses among them, so
    /// that what is built stays the same; cargo's own runner chooses test programs of
    /// the whole workspace, for the same reason.
    fn cargo_tests(&self, filter: &str, programs: &[&str]) -> Result<Counts> {
        let (mut command, runner) = if self.found.nextest {
            let mut command = self.project.cargo("nextest");
            command.arg("run").args(TEST_SELECTION).args(["-E", filter]);
            (command, Runner::Nextest)
        } else {
            let mut command = self.project.cargo("test");
            command
                .args(["--workspace", "--features", EMBED])
                .args(programs);
            (command, Runner::CargoTest)
        };
        counted(
            self.with_environment(&mut command).arg("--no-fail-fast"),
            runner,
        )
    }

    /// Names to the tests what was found for them.
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

/// Checks that all run even where one fails.
fn all<const N: usize>(checks: [Result<()>; N]) -> Result<Counts> {
    let failures: Vec<Failure> = checks.into_iter().filter_map(Result::err).collect();
    for failure in failures.iter().skip(1) {
        terminal::error(&failure.to_string());
    }
    match failures.into_iter().next() {
        None => Ok(Counts::of_checks(N)),
        Some(first) => Err(first),
    }
}

/// Runs a test runner and reads its closing lines.
pub(super) fn counted(command: &mut Command, runner: Runner) -> Result<Counts> {
    let ended = process::pass_through(command)?;
    let counts = runner.counts(&ended.text);
    if counts.failed > 0 {
        terminal::error(&format!("{} failed", counts.failed));
    } else if !ended.success {
        return Err(Failure::new(
            "run the tests to their end",
            "The test runner failed, and its messages are above",
            "Correct what they name and try again",
        ));
    }
    Ok(counts)
}

/// A workspace apart from the server's.
#[derive(Clone, Copy)]
enum Apart {
    Xtask,
    /// The browser program, as a program of this machine.
    Frontend,
}

fn cargo_in(bench: &Bench, apart: Apart, command: &str) -> Command {
    let project = &bench.project;
    let (folder, target) = match apart {
        Apart::Xtask => (project.join("crates/xtask"), project.target().join("xtask")),
        Apart::Frontend => (project.frontend(), project.frontend_target()),
    };
    let mut cargo = project.bare_cargo();
    cargo
        .arg(command)
        .env("CARGO_TARGET_DIR", target)
        .current_dir(folder);
    cargo
}
