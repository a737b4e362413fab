//! Terminal output: a line for each step, and a progress line.
//!
//! All of it goes to standard error. Standard output is reserved for the summary of
//! `test` and the output of the server.

use std::{
    io::{IsTerminal as _, Write as _},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Maximum width of the progress line in columns.
const PROGRESS_WIDTH: usize = 78;

/// The steps of a command: `[2/5] Downloading …`.
#[derive(Debug)]
pub(crate) struct Steps {
    count: usize,
    started: AtomicUsize,
    since: Instant,
}

/// A running step. [`Step::done`] prints its last line; a failed step ends with the
/// message of its failure.
#[derive(Debug)]
#[must_use = "call `done` to show the duration of the step"]
pub(crate) struct Step {
    label: String,
    since: Instant,
}

impl Steps {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            count,
            started: AtomicUsize::new(0),
            since: Instant::now(),
        }
    }

    /// Starts and announces the next step.
    pub(crate) fn begin(&self, label: &str) -> Step {
        let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        let label = format!("[{number}/{}] {label}", self.count);
        line("36", "→", &label);
        Step {
            label,
            since: Instant::now(),
        }
    }

    /// Time since the first step started.
    pub(crate) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Step {
    /// Ends the step, and prints its outcome and duration.
    pub(crate) fn done(self, outcome: &str) {
        let took = duration(self.since.elapsed());
        let Self { label, .. } = self;
        if outcome.is_empty() {
            line("32", "✓", &format!("{label} ({took})"));
        } else {
            line("32", "✓", &format!("{label}: {outcome} ({took})"));
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

/// Starts a single step without a number.
pub(crate) fn step(label: &str) -> Step {
    line("36", "→", label);
    Step {
        label: label.to_owned(),
        since: Instant::now(),
    }
}

/// Announces a change to the system outside the repository. Call it before the change.
pub(crate) fn change(message: &str) {
    line("33", "!", message);
}

pub(crate) fn note(message: &str) {
    line("2", "·", message);
}

pub(crate) fn error(message: &str) {
    line("31", "✗", message);
}

/// Prints the captured output of a program, such as a compiler error.
pub(crate) fn quote(text: &str) {
    let _lock = lock();
    clear_progress();
    eprintln!("{}", text.trim_end());
}

/// Whether standard error is a terminal, where the progress line can be overwritten.
pub(crate) fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Shows the progress. Overwrites the previous progress line on a terminal, else prints a
/// new line.
pub(crate) fn progress(text: &str) {
    let _lock = lock();
    if is_terminal() {
        let text: String = text.chars().take(PROGRESS_WIDTH).collect();
        eprint!("\r\u{1b}[2K\u{1b}[2m· {text}\u{1b}[0m");
        let _ = std::io::stderr().flush();
    } else {
        eprintln!("· {text}");
    }
}

/// Formats a duration: `0.4 s`, `12 s`, `3 min 05 s`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 10 {
        format!("{:.1} s", time.as_secs_f64())
    } else if seconds < 60 {
        format!("{seconds} s")
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

/// Locks the terminal, so that lines of parallel steps are not mixed.
fn lock() -> MutexGuard<'static, ()> {
    static LINE: Mutex<()> = Mutex::new(());
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn clear_progress() {
    if is_terminal() {
        eprint!("\r\u{1b}[2K");
    }
}

fn line(color: &str, mark: &str, text: &str) {
    let _lock = lock();
    clear_progress();
    if is_terminal() {
        eprintln!("\u{1b}[{color}m{mark}\u{1b}[0m {text}");
    } else {
        eprintln!("{mark} {text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_formatted() {
        for (millis, text) in [
            (420, "0.4 s"),
            (9_960, "10.0 s"),
            (12_900, "12 s"),
            (185_000, "3 min 05 s"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
