//! Running other programs.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    process::{Command, Stdio},
    thread,
};

use tocsin_machine::shown;

use crate::failure::{Failure, Result};

/// Runs a program to its end with our own output; anything but success is a
/// failure that names the command.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status();
    let found = match status {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => format!("It ended with {status}; its messages are above"),
        Err(error) => format!("It does not start: {error}"),
    };
    Err(Failure::new(
        format!("run `{}`", shown(command)),
        found,
        "Correct what the messages name and try again",
    ))
}

/// How a program ended whose output was passed on.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) success: bool,
    /// Both of its outputs, line by line in the order of their arrival.
    pub(crate) text: String,
}

/// Runs a program, passes on its output as it comes, and keeps a copy: test
/// runners print their counts only in their closing lines.
pub(crate) fn pass_through(command: &mut Command) -> Result<Ended> {
    let tried = format!("run `{}`", shown(command));
    let failed = |found: String| Failure::new(tried.clone(), found, "Try again");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("It does not start: {error}")))?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(failed("It has no output".to_owned()));
    };
    let errors = thread::spawn(move || copy(stderr, std::io::stderr()));
    let mut text = copy(stdout, std::io::stdout());
    let errors = errors.join();
    text.push_str(&errors.map_err(|_| failed("Its output cannot be read".to_owned()))?);
    let status = child
        .wait()
        .map_err(|error| failed(format!("It cannot be waited for: {error}")))?;
    Ok(Ended {
        success: status.success(),
        text,
    })
}

fn copy(from: impl Read, mut to: impl Write) -> String {
    let mut kept = String::new();
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        // A closed terminal must not stop the tests.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        kept.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command() {
        let error = check(Command::new("sh").args(["-c", "exit 3"]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("sh -c exit 3"), "{error}");
    }

    #[test]
    fn both_outputs_are_kept() {
        let ended = pass_through(Command::new("sh").args(["-c", "echo one; echo two >&2; exit 1"]))
            .unwrap();
        assert!(!ended.success);
        assert!(ended.text.contains("one\n") && ended.text.contains("two\n"));
    }
}
