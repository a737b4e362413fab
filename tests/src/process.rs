//! The program under test as a process.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tocsin_machine::{Machine, Tool};

/// The workspace root.
#[must_use]
pub fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("the tests are in the workspace").to_owned()
}

/// The program under test: `TOCSIN_BIN`, or else the one that cargo built beside
/// this test.
///
/// # Panics
/// If it is not built.
#[must_use]
pub fn binary() -> PathBuf {
    let path = std::env::var_os("TOCSIN_BIN").map_or_else(beside_this_test, PathBuf::from);
    assert!(
        path.is_file(),
        "there is no program at {}: build it with `cargo build -p tocsin-api`, or set TOCSIN_BIN",
        path.display()
    );
    path
}

/// Finds a program on this machine that the tests need.
///
/// # Panics
/// If no suitable one is installed; the message explains how to install it.
#[must_use]
pub fn program(tool: &Tool) -> PathBuf {
    match tool.find(&Machine::here()) {
        Ok(found) => found.path,
        Err(unsuitable) => panic!("{unsuitable}"),
    }
}

/// `target/debug/tocsin` for a test in `target/debug/deps`.
fn beside_this_test() -> PathBuf {
    let test = std::env::current_exe().expect("this test's path");
    let profile = test.ancestors().nth(2).expect("the profile's directory");
    profile.join("tocsin")
}

/// The program's command, without this process's settings and input.
pub(crate) fn command(ignores_file_limit_signal: bool) -> Command {
    let mut command = Command::new(binary());
    if ignores_file_limit_signal {
        // An ignored signal stays ignored after exec.
        command = Command::new("sh");
        command
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(binary());
    }
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TOCSIN_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// The result of a program that has exited.
#[derive(Debug)]
pub struct Finished {
    /// Exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs the program to its end in the directory `dir`, with these settings.
///
/// # Panics
/// If it does not start.
pub fn run<S: AsRef<OsStr>>(dir: &Path, args: &[S], settings: &[(&str, &str)]) -> Finished {
    let mut command = command(false);
    command.args(args).current_dir(dir);
    for (key, value) in settings {
        command.env(variable(key), value);
    }
    finish(command, "")
}

/// Runs the command to its end with this standard input.
///
/// # Panics
/// If it does not start.
pub(crate) fn finish(mut command: Command, input: &str) -> Finished {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    if let Some(mut stdin) = child.stdin.take() {
        // It may exit without reading.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().expect("the program ends");
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The environment variable of a setting.
pub(crate) fn variable(key: &str) -> String {
    format!("TOCSIN_{}", key.replace('.', "_").to_uppercase())
}
