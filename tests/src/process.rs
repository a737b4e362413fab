//! The program under test as a process.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tocsin_machine::{Machine, Tool};

/// The project's root.
#[must_use]
pub fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("the tests are in the workspace").to_owned()
}

/// The program under test: `TOCSIN_BIN`, else the one that cargo built beside
/// this test.
///
/// # Panics
/// It was not built.
#[must_use]
pub fn binary() -> PathBuf {
    let path = std::env::var_os("TOCSIN_BIN").map_or_else(beside_this_test, PathBuf::from);
    assert!(
        path.is_file(),
        "there is no program at {}: build it with `cargo build -p tocsin-api`, or name it in \
         TOCSIN_BIN",
        path.display()
    );
    path
}

/// A program of this machine that the tests need.
///
/// # Panics
/// There is no fit one; the message says what was found and what to do.
#[must_use]
pub fn program(tool: &Tool) -> PathBuf {
    match tool.find(&Machine::here()) {
        Ok(found) => found.path,
        Err(unfit) => panic!("{unfit}"),
    }
}

/// `target/debug/tocsin` for a test in `target/debug/deps`.
fn beside_this_test() -> PathBuf {
    let test = std::env::current_exe().expect("this test's path");
    let profile = test.ancestors().nth(2).expect("the profile's directory");
    profile.join("tocsin")
}

/// The program, cut off from this process's settings and input.
pub(crate) fn command(outlives_file_limits: bool) -> Command {
    let mut command = Command::new(binary());
    if outlives_file_limits {
        // A signal that is ignored stays so in the program that takes over.
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

/// What a program said that ran to its end.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs the program to its end, in the directory `dir`, with these settings.
///
/// # Panics
/// It does not start.
pub fn run<S: AsRef<OsStr>>(dir: &Path, args: &[S], settings: &[(&str, &str)]) -> Finished {
    let mut command = command(false);
    command.args(args).current_dir(dir);
    for (key, value) in settings {
        command.env(variable(key), value);
    }
    finish(command, "")
}

/// Lets it read `input` and run to its end.
///
/// # Panics
/// It does not start.
pub(crate) fn finish(mut command: Command, input: &str) -> Finished {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    if let Some(mut stdin) = child.stdin.take() {
        // It may end without reading.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().expect("the program's end");
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
