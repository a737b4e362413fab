//! Builds by cargo that run beside each other, with one line that shows how far
//! all of them are.

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

/// How often the line changes on a terminal, and elsewhere.
const WATCHED: Duration = Duration::from_millis(500);
const UNWATCHED: Duration = Duration::from_secs(30);

/// The builds under way.
#[derive(Debug, Default)]
pub(crate) struct Builds {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How far each is, by its name.
    rows: BTreeMap<&'static str, String>,
    /// Their process IDs.
    running: BTreeMap<&'static str, u32>,
    cancelled: bool,
}

/// What a build made.
#[derive(Debug, Default)]
pub(crate) struct Built {
    executables: Vec<PathBuf>,
}

impl Built {
    /// The program of this name. Where cargo puts it depends on settings of the
    /// user (`build.target`, `CARGO_BUILD_TARGET`), so cargo is asked.
    pub(crate) fn executable(&self, name: &str) -> Result<PathBuf> {
        let found = self
            .executables
            .iter()
            .find(|path| path.file_stem().is_some_and(|stem| stem == name));
        found.cloned().ok_or_else(|| {
            Failure::new(
                format!("find the program {name} that cargo built"),
                "Cargo names no such file among what it built",
                "Remove the build folder `target` and try again",
            )
        })
    }
}

impl Builds {
    /// Runs something that builds, and shows how far the builds are while it works.
    pub(crate) fn shown<T>(step: &Step, work: impl FnOnce(&Self) -> T) -> T {
        let builds = Self::default();
        let (finished, ended) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let builds = &builds;
            scope.spawn(move || {
                let pause = if terminal::is_watched() {
                    WATCHED
                } else {
                    UNWATCHED
                };
                while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
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

    /// Runs `cargo build …` to its end. `name` completes "Could not compile …".
    ///
    /// # Errors
    /// It failed, and what the compiler said was printed; or it was cancelled.
    pub(crate) fn run(&self, name: &'static str, command: &mut Command) -> Result<Built> {
        let tried = format!("compile {name}");
        let failed =
            |found: String| Failure::new(tried.clone(), found, "Correct that and try again");
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
            if state.cancelled {
                return Err(Failure::cancelled(tried));
            }
            let child = command
                .spawn()
                .map_err(|error| failed(format!("cargo does not start: {error}")))?;
            state.running.insert(name, child.id());
            child
        };
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed("cargo has no output".to_owned()));
        };
        let (executables, messages) = thread::scope(|scope| {
            let executables = scope.spawn(move || read_executables(stdout));
            let messages = self.read_messages(name, stderr);
            (executables.join().unwrap_or_default(), messages)
        });
        let status = child
            .wait()
            .map_err(|error| failed(format!("cargo cannot be waited for: {error}")))?;
        let cancelled = {
            let mut state = self.state();
            state.running.remove(name);
            state.rows.remove(name);
            state.cancelled
        };
        if status.success() {
            return Ok(Built { executables });
        }
        if cancelled {
            return Err(Failure::cancelled(tried));
        }
        terminal::quote(&messages);
        let (found, remedy) = explain(&messages);
        Err(Failure::new(
            tried,
            format!("cargo ended with {status}. {found}"),
            remedy,
        ))
    }

    /// Ends all of them, because one failed.
    pub(crate) fn cancel(&self) {
        let mut state = self.state();
        state.cancelled = true;
        for pid in state.running.values() {
            // It may have ended by itself just now.
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
    }

    /// Passes over cargo's progress, and keeps what else it writes but for the
    /// lines that name each crate.
    fn read_messages(&self, name: &'static str, stderr: impl Read) -> String {
        let mut kept = String::new();
        let mut reader = BufReader::new(stderr);
        let mut text = Vec::new();
        // A progress line ends with a carriage return, and a message with a newline.
        while matches!(read_segment(&mut reader, &mut text), Ok(1..)) {
            let segment = String::from_utf8_lossy(&text).into_owned();
            text.clear();
            if let Some(progress) = progress(&segment) {
                self.state().rows.insert(name, progress);
            } else if let Some(message) = message(&segment) {
                if message.trim_start().starts_with("Blocking") {
                    let waiting = "waits for another cargo in this folder".to_owned();
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
        // Every change of it is a single one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads up to the next carriage return or newline.
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

/// `Building [==>   ] 120/540: syn, quote` → `120/540 (syn, quote)`.
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

/// A line that says more than that a crate is compiled.
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

/// The path in `"executable":"…"` of one of cargo's messages.
fn executable(line: &str) -> Option<PathBuf> {
    let (_, rest) = line.split_once("\"executable\":\"")?;
    let mut path = String::new();
    let mut letters = rest.chars();
    loop {
        match letters.next()? {
            '"' => return Some(PathBuf::from(path)),
            // serde_json writes all but quotes, backslashes and control characters as they are.
            '\\' => path.push(letters.next()?),
            letter => path.push(letter),
        }
    }
}

/// What is behind the errors that are not the source's, and what to do about it.
fn explain(messages: &str) -> (&'static str, &'static str) {
    let has = |text: &str| messages.contains(text);
    if has("No space left on device") {
        (
            "The disk is full",
            "Free some space (the README says how much is needed) and run the same command again",
        )
    } else if has("signal: 9") {
        (
            "The system ended the compiler, which it does when memory runs out",
            "Close other programs, or add `CARGO_BUILD_JOBS=1` in front of the command, and try again",
        )
    } else if has("linker `") && has("not found") {
        (
            "The linker that cargo is configured with is not installed",
            "Install a C compiler (on Debian as root: `apt-get install gcc libc6-dev`), or correct `linker` in cargo's configuration",
        )
    } else if has("failed to download") || has("Could not resolve host") || has("spurious network")
    {
        (
            "Crates could not be downloaded",
            "Check the network, or the proxy and mirror that cargo is configured with, and run the same command again; what was downloaded is kept",
        )
    } else if has("Permission denied") || has("Read-only file system") {
        (
            "A file or folder is not writable",
            "Check who owns the folder that the message names, and try again",
        )
    } else if has("could not execute process") {
        (
            "A program that cargo is configured with does not start",
            "Check `RUSTC_WRAPPER`, `RUSTC` and cargo's configuration, and try again",
        )
    } else {
        (
            "The compiler's messages are above",
            "If the source is unchanged, this is a fault of ours: please report it with these messages",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_from_cargos_bar() {
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
    fn only_messages_are_kept() {
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
    fn the_program_is_where_cargo_says() {
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
    fn a_build_that_fails_is_explained() {
        let step = terminal::step("A build");
        let result = Builds::shown(&step, |builds| {
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
    fn the_others_end_when_one_fails() {
        let step = terminal::step("Two builds");
        let (one, other) = Builds::shown(&step, |builds| {
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
        assert!(one.is_err_and(|failure| failure.is_cancelled()));
        assert!(other.is_err_and(|failure| !failure.is_cancelled()));
    }
}
