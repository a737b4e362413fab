//! The commands of each layer.

use std::{path::PathBuf, process::Command};

use super::{
    Bench,
    summary::{Counts, Runner},
    vocabulary,
};
use crate::{
    bench as measuring,
    failure::{Failure, Result},
    frontend, node, openapi, process,
    server::{self, EMBED, TEST_SELECTION},
    styles, terminal,
};

/// Package of the end-to-end tests, which are a separate layer.
const END_TO_END: &str = "tocsin-tests";

/// Checks the formatting, and lists unformatted files.
pub(super) fn format(bench: &mut Bench) -> Result<Counts> {
    let list = ["--check", "--", "--files-with-diff"];
    all([
        process::check(bench.project.cargo("fmt").arg("--all").args(list)),
        process::check(cargo_in(bench, Workspace::Xtask, "fmt").args(list)),
        process::check(cargo_in(bench, Workspace::Frontend, "fmt").args(list)),
    ])
}

pub(super) fn frontend(bench: &mut Bench) -> Result<Counts> {
    bench.browser_files()?;
    Ok(Counts::of_checks(1))
}

/// Clippy, with warnings as errors. The frontend is checked for the native target, which
/// does not require a WebAssembly toolchain with Clippy.
pub(super) fn lint(bench: &mut Bench) -> Result<Counts> {
    bench.browser_files()?;
    let deny_warnings = ["--", "--deny", "warnings"];
    all([
        vocabulary::check(bench.project.root()),
        process::check(
            bench
                .project
                .cargo("clippy")
                .args(TEST_SELECTION)
                .args(deny_warnings),
        ),
        process::check(
            cargo_in(bench, Workspace::Xtask, "clippy")
                .arg("--all-targets")
                .args(deny_warnings),
        ),
        process::check(
            cargo_in(bench, Workspace::Frontend, "clippy")
                .arg("--all-targets")
                .args(deny_warnings),
        ),
    ])
}

/// Unit and integration tests of the crates, doc tests, and the tests of the frontend
/// that need no browser.
pub(super) fn unit(bench: &mut Bench) -> Result<Counts> {
    bench.browser_files()?;
    let mut counts = bench.cargo_tests(
        &format!("not package({END_TO_END})"),
        // All except `e2e`, the only test program whose name starts with an e.
        &["--lib", "--bins", "--test", "[!e]*"],
    )?;
    counts += run_tests(
        bench
            .with_environment(&mut bench.project.cargo("test"))
            .args(["--workspace", "--features", EMBED, "--doc"]),
        Runner::CargoTest,
    )?;
    for workspace in [Workspace::Xtask, Workspace::Frontend] {
        counts += run_tests(
            cargo_in(bench, workspace, "test").arg("--no-fail-fast"),
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

/// End-to-end tests of the server, without a browser.
pub(super) fn e2e(bench: &mut Bench) -> Result<Counts> {
    bench.binary()?;
    // OpenID provider of the single sign-on tests.
    bench.npm_packages("tests/oidc")?;
    bench.cargo_tests(&format!("package({END_TO_END})"), &["--test", "e2e"])
}

/// End-to-end tests in a real browser.
pub(super) fn browser(bench: &mut Bench) -> Result<Counts> {
    bench.binary()?;
    let folder = bench.npm_packages("tests/browser")?;
    let node = bench.node()?;
    let program = node.node.path.clone();
    run_tests(
        bench
            .with_environment(&mut node.run(bench.project.machine(), &program))
            .args(["--test", "--test-reporter=spec"])
            .current_dir(folder),
        Runner::Node,
    )
}

/// A small benchmark, to test that it works. The results are ignored.
pub(super) fn bench(bench: &mut Bench) -> Result<Counts> {
    let server = bench.binary()?;
    measuring::small(&bench.project, &server)?;
    Ok(Counts::of_checks(1))
}

impl Bench {
    /// Builds the frontend files, once per run.
    fn browser_files(&mut self) -> Result<()> {
        if !self.browser_files {
            frontend::build(&self.project, &self.apt, true)?;
            self.browser_files = true;
        }
        Ok(())
    }

    /// Builds the server under test, once per run.
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

    /// Installs the npm packages of a directory.
    fn npm_packages(&self, folder: &str) -> Result<PathBuf> {
        let folder = self.project.join(folder);
        node::install_packages(self.project.machine(), &self.node()?, &folder)?;
        Ok(folder)
    }

    /// Runs tests of the server's workspace. nextest selects them with `filter`, and
    /// cargo's test runner by test program: the selection does not change what is built.
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
        run_tests(
            self.with_environment(&mut command).arg("--no-fail-fast"),
            runner,
        )
    }

    /// Passes the paths of the server and the tools to the tests.
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

/// Combines the results of several checks. Prints all failures, and returns the first.
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

/// Runs a test runner, and parses the counts in its output.
pub(super) fn run_tests(command: &mut Command, runner: Runner) -> Result<Counts> {
    let output = process::pass_through(command)?;
    let counts = runner.counts(&output.text);
    if counts.failed > 0 {
        terminal::error(&format!("{} failed", counts.failed));
    } else if !output.success {
        return Err(Failure::new(
            "run the tests",
            "The test runner failed; see its messages above",
            "Fix the errors in the messages, then try again",
        ));
    }
    Ok(counts)
}

/// A workspace besides the server's.
#[derive(Clone, Copy)]
enum Workspace {
    Xtask,
    /// The frontend, built for the native target.
    Frontend,
}

fn cargo_in(bench: &Bench, workspace: Workspace, command: &str) -> Command {
    let project = &bench.project;
    let (folder, target) = match workspace {
        Workspace::Xtask => (project.join("crates/xtask"), project.target().join("xtask")),
        Workspace::Frontend => (project.frontend(), project.frontend_target()),
    };
    let mut cargo = project.bare_cargo();
    cargo
        .arg(command)
        .env("CARGO_TARGET_DIR", target)
        .current_dir(folder);
    cargo
}
