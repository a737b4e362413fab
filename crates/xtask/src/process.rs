//! Runs other programs.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    process::{Command, Stdio},
    thread,
};

use tocsin_machine::command_line;

use crate::failure::{Failure, Result};

/// Runs a command that inherits standard output and error. Fails if the command does.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status();
    let found = match status {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => format!("It failed with {status}; see its messages above"),
        Err(error) => format!("It cannot be started: {error}"),
    };
    Err(Failure::new(
        format!("run `{}`", command_line(command)),
        found,
        "Fix the errors in the messages, then try again",
    ))
}

/// Result of a command whose output was passed on.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) success: bool,
    /// Standard output, followed by standard error.
    pub(crate) text: String,
}

/// Runs a command, passes on its output, and returns a copy: test runners print their
/// counts only in their last lines.
pub(crate) fn pass_through(command: &mut Command) -> Result<Output> {
    let tried = format!("run `{}`", command_line(command));
    let failed = |found: String| Failure::new(tried.clone(), found, "Try again");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("It cannot be started: {error}")))?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(failed("Its output cannot be read".to_owned()));
    };
    let errors = thread::spawn(move || copy(stderr, std::io::stderr()));
    let mut text = copy(stdout, std::io::stdout());
    let errors = errors.join();
    text.push_str(&errors.map_err(|_| failed("Its output cannot be read".to_owned()))?);
    let status = child
        .wait()
        .map_err(|error| failed(format!("Waiting for it failed: {error}")))?;
    Ok(Output {
        success: status.success(),
        text,
    })
}

fn copy(from: impl Read, mut to: impl Write) -> String {
    let mut copied = String::new();
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        // The tests continue if the terminal is closed.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        copied.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    copied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_includes_the_command_line() {
        let error = check(Command::new("sh").args(["-c", "exit 3"]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("sh -c exit 3"), "{error}");
    }

    #[test]
    fn stdout_and_stderr_are_captured() {
        let output =
            pass_through(Command::new("sh").args(["-c", "echo one; echo two >&2; exit 1"]))
                .unwrap();
        assert!(!output.success);
        assert!(output.text.contains("one\n") && output.text.contains("two\n"));
    }
}
