//! Parallel cargo builds with a common progress line.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use crate::{
    failure::{Failure, Result},
    terminal::{self, Step},
};

/// How often the progress line is updated on a terminal, and in a log.
const TERMINAL_INTERVAL: Duration = Duration::from_millis(500);
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// The running builds.
#[derive(Debug, Default)]
pub(crate) struct Builds {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Progress of each build, by name.
    rows: BTreeMap<&'static str, String>,
    /// Process ID of each build, by name.
    running: BTreeMap<&'static str, u32>,
    canceled: bool,
}

/// Result of a build.
#[derive(Debug, Default)]
pub(crate) struct Built {
    executables: Vec<PathBuf>,
}

impl Built {
    /// Path of the program with this name, as reported by cargo. It depends on settings
    /// of the user (`build.target`, `CARGO_BUILD_TARGET`).
    pub(crate) fn executable(&self, name: &str) -> Result<PathBuf> {
        let found = self
            .executables
            .iter()
            .find(|path| path.file_stem().is_some_and(|stem| stem == name));
        found.cloned().ok_or_else(|| {
            Failure::new(
                format!("find the program {name} that cargo built"),
                "Cargo reported no such file",
                "Remove the build directory `target`, then try again",
            )
        })
    }
}

impl Builds {
    /// Runs `work`, and shows the progress of its builds.
    pub(crate) fn with_progress<T>(step: &Step, work: impl FnOnce(&Self) -> T) -> T {
        let builds = Self::default();
        let (finished, ended) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let builds = &builds;
            scope.spawn(move || {
                let interval = if terminal::is_terminal() {
                    TERMINAL_INTERVAL
                } else {
                    LOG_INTERVAL
                };
                while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                    if let Some(line) = builds.line() {
                        let time = terminal::duration(step.elapsed());
                        terminal::progress(&format!("{time}: {line}"));
                    }
                }
            });
            let result = work(builds);
            drop(finished);
            result
        })
    }

    /// Runs `cargo build`. `name` completes the message "Could not compile …".
    ///
    /// # Errors
    /// [`Failure`] if the build failed, after printing the compiler's messages, or if it
    /// was canceled.
    pub(crate) fn run(&self, name: &'static str, command: &mut Command) -> Result<Built> {
        let tried = format!("compile {name}");
        let failed =
            |found: String| Failure::new(tried.clone(), found, "Fix the error, then try again");
        command
            .arg("--message-format=json-render-diagnostics")
            .env("CARGO_TERM_PROGRESS_WHEN", "always")
            .env("CARGO_TERM_PROGRESS_WIDTH", "120")
            .env("CARGO_TERM_COLOR", "never")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = {
            let mut state = self.state();
            if state.canceled {
                return Err(Failure::canceled(tried));
            }
            let child = command
                .spawn()
                .map_err(|error| failed(format!("cargo cannot be started: {error}")))?;
            state.running.insert(name, child.id());
            child
        };
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed("The output of cargo cannot be read".to_owned()));
        };
        let (executables, messages) = thread::scope(|scope| {
            let executables = scope.spawn(move || read_executables(stdout));
            let messages = self.read_messages(name, stderr);
            (executables.join().unwrap_or_default(), messages)
        });
        let status = child
            .wait()
            .map_err(|error| failed(format!("Waiting for cargo failed: {error}")))?;
        let canceled = {
            let mut state = self.state();
            state.running.remove(name);
            state.rows.remove(name);
            state.canceled
        };
        if status.success() {
            return Ok(Built { executables });
        }
        if canceled {
            return Err(Failure::canceled(tried));
        }
        terminal::quote(&messages);
        let (found, remedy) = explain(&messages);
        Err(Failure::new(
            tried,
            format!("cargo failed with {status}. {found}"),
            remedy,
        ))
    }

    /// Terminates all builds, because one failed.
    pub(crate) fn cancel(&self) {
        let mut state = self.state();
        state.canceled = true;
        for pid in state.running.values() {
            // Fails if the process has already exited.
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
    }

    /// Reads the progress, and returns all other output except for status lines.
    fn read_messages(&self, name: &'static str, stderr: impl Read) -> String {
        let mut kept = String::new();
        let mut reader = BufReader::new(stderr);
        let mut text = Vec::new();
        // Progress lines end with a carriage return, messages with a newline.
        while matches!(read_segment(&mut reader, &mut text), Ok(1..)) {
            let segment = String::from_utf8_lossy(&text).into_owned();
            text.clear();
            if let Some(progress) = progress(&segment) {
                self.state().rows.insert(name, progress);
            } else if let Some(message) = message(&segment) {
                if message.trim_start().starts_with("Blocking") {
                    let waiting = "waiting for another cargo in this directory".to_owned();
                    self.state().rows.insert(name, waiting);
                }
                kept.push_str(message);
                kept.push('\n');
            }
        }
        kept
    }

    fn line(&self) -> Option<String> {
        let state = self.state();
        let rows: Vec<_> = state
            .rows
            .iter()
            .map(|(name, row)| format!("{name} {row}"))
            .collect();
        (!rows.is_empty()).then(|| rows.join(" · "))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave it inconsistent: each change is a single operation.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads up to and including the next carriage return or newline.
fn read_segment(reader: &mut impl std::io::BufRead, text: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut count = 0;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(count);
        }
        let end = buffer.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let taken = end.map_or(buffer.len(), |end| end + 1);
        text.extend_from_slice(&buffer[..taken]);
        reader.consume(taken);
        count += taken;
        if end.is_some() {
            return Ok(count);
        }
    }
}

/// Parses a progress line: `Building [==>   ] 120/540: syn, quote` to `120/540 (syn,
/// quote)`.
fn progress(segment: &str) -> Option<String> {
    let (_, bar) = segment.split_once("Building [")?;
    let (_, counts) = bar.split_once("] ")?;
    let (counts, crates) = counts
        .trim()
        .split_once(": ")
        .unwrap_or((counts.trim(), ""));
    if !counts.contains('/') {
        return None;
    }
    let crates: Vec<_> = crates
        .split(", ")
        .map(|name| name.trim_end_matches('.'))
        .filter(|name| !name.is_empty())
        .take(2)
        .collect();
    Some(match &crates[..] {
        [] => counts.to_owned(),
        crates => format!("{counts} ({})", crates.join(", ")),
    })
}

/// Returns a line that is not a status line, such as `Compiling …`.
fn message(segment: &str) -> Option<&str> {
    let line = segment.trim_matches(['\r', '\n']);
    let line = line.rsplit("\u{1b}[K").next().unwrap_or(line);
    let word = line.split_whitespace().next()?;
    let is_status = line.starts_with("  ")
        && matches!(
            word,
            "Compiling"
                | "Downloaded"
                | "Downloading"
                | "Building"
                | "Finished"
                | "Updating"
                | "Locking"
                | "Adding"
                | "Fresh"
                | "Checking"
        );
    (!is_status).then_some(line)
}

fn read_executables(stdout: impl Read) -> Vec<PathBuf> {
    BufReader::new(stdout)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| executable(&line))
        .collect()
}

/// Parses the path in `"executable":"…"` of a cargo message.
fn executable(line: &str) -> Option<PathBuf> {
    let (_, rest) = line.split_once("\"executable\":\"")?;
    let mut path = String::new();
    let mut letters = rest.chars();
    loop {
        match letters.next()? {
            '"' => return Some(PathBuf::from(path)),
            // serde_json escapes only quotes, backslashes and control characters.
            '\\' => path.push(letters.next()?),
            letter => path.push(letter),
        }
    }
}

/// Detects causes outside of the source code. Returns the cause and how to fix it.
fn explain(messages: &str) -> (&'static str, &'static str) {
    let has = |text: &str| messages.contains(text);
    if has("No space left on device") {
        (
            "The disk is full",
            "Free some space (the README lists the requirements), then try again",
        )
    } else if has("signal: 9") {
        (
            "The system killed the compiler, most likely because it ran out of memory",
            "Close other programs or prefix the command with `CARGO_BUILD_JOBS=1`, then try again",
        )
    } else if has("linker `") && has("not found") {
        (
            "The linker in cargo's configuration is not installed",
            "Install a C compiler (on Debian as root: `apt-get install gcc libc6-dev`), or fix `linker` in cargo's configuration",
        )
    } else if has("failed to download") || has("Could not resolve host") || has("spurious network")
    {
        (
            "Crates could not be downloaded",
            "Check the network, and the proxy and mirror in cargo's configuration, then try again; finished downloads are kept",
        )
    } else if has("Permission denied") || has("Read-only file system") {
        (
            "A file or directory is not writable",
            "Check the owner and permissions of the directory in the message, then try again",
        )
    } else if has("could not execute process") {
        (
            "A program in cargo's configuration cannot be started",
            "Check `RUSTC_WRAPPER`, `RUSTC` and cargo's configuration, then try again",
        )
    } else {
        (
            "See the compiler's messages above",
            "If you have not changed the source, this is a bug: please report it with these messages",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_progress_is_parsed() {
        for (segment, expected) in [
            (
                "\u{1b}[K    Building [=====>      ] 120/540: syn, quote, serde_derive...\r",
                Some("120/540 (syn, quote)"),
            ),
            ("    Building [====>] 1/2\r", Some("1/2")),
            ("   Compiling syn v2.0.1\n", None),
        ] {
            assert_eq!(progress(segment).as_deref(), expected, "{segment}");
        }
    }

    #[test]
    fn status_lines_are_dropped() {
        assert_eq!(message("   Compiling syn v2.0.1\n"), None);
        assert_eq!(message("\u{1b}[K    Finished release\n"), None);
        assert_eq!(
            message("error: no such thing\n"),
            Some("error: no such thing")
        );
        assert_eq!(
            message("  --> src/main.rs:1:1\n"),
            Some("  --> src/main.rs:1:1")
        );
    }

    #[test]
    fn executable_path_is_taken_from_cargo() {
        let line =
            r#"{"reason":"compiler-artifact","executable":"/a b/中文/\"x\"/tocsin","fresh":true}"#;
        let built = Built {
            executables: executable(line).into_iter().collect(),
        };
        assert_eq!(
            built.executable("tocsin"),
            Ok(PathBuf::from("/a b/中文/\"x\"/tocsin"))
        );
        assert!(built.executable("other").is_err());
        assert_eq!(executable(r#"{"executable":null}"#), None);
    }

    #[test]
    fn failed_build_is_explained() {
        let step = terminal::step("A build");
        let result = Builds::with_progress(&step, |builds| {
            let script = "echo 'error: No space left on device' >&2; exit 101";
            builds.run("the server", Command::new("sh").args(["-c", script]))
        });
        let failure = result.unwrap_err().to_string();
        assert!(
            failure.starts_with("Could not compile the server."),
            "{failure}"
        );
        assert!(failure.contains("The disk is full"), "{failure}");
    }

    #[test]
    fn other_builds_are_canceled_if_one_fails() {
        let step = terminal::step("Two builds");
        let (one, other) = Builds::with_progress(&step, |builds| {
            thread::scope(|scope| {
                let long = scope.spawn(|| {
                    builds.run(
                        "one",
                        Command::new("sh").args(["-c", "exec sleep 600", "sh"]),
                    )
                });
                let failing = builds.run("other", Command::new("sh").args(["-c", "exit 1", "sh"]));
                builds.cancel();
                (long.join().unwrap(), failing)
            })
        });
        assert!(one.is_err_and(|failure| failure.is_canceled()));
        assert!(other.is_err_and(|failure| !failure.is_canceled()));
    }
}
