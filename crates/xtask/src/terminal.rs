//! What the user reads: a line for each step, and one that shows how far it is.
//!
//! Everything goes to standard error, so that standard output stays free for
//! the last line of `test` and for the server's own output.

use std::{
    io::{IsTerminal as _, Write as _},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// How many columns a progress line may take.
const WIDTH: usize = 78;

/// The steps of one command: `[2/5] Downloading …`.
#[derive(Debug)]
pub(crate) struct Steps {
    count: usize,
    started: AtomicUsize,
    since: Instant,
}

/// A step under way. Its closing line comes from [`Step::done`]; a step that
/// fails is closed by its failure.
#[derive(Debug)]
#[must_use = "a step that is not closed shows no time"]
pub(crate) struct Step {
    what: String,
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

    /// Announces the next step before it starts.
    pub(crate) fn begin(&self, what: &str) -> Step {
        let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        let what = format!("[{number}/{}] {what}", self.count);
        line("36", "→", &what);
        Step {
            what,
            since: Instant::now(),
        }
    }

    /// The time since the first.
    pub(crate) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Step {
    /// Says how long it took, and what came of it.
    pub(crate) fn done(self, outcome: &str) {
        let took = duration(self.since.elapsed());
        let Self { what, .. } = self;
        if outcome.is_empty() {
            line("32", "✓", &format!("{what} ({took})"));
        } else {
            line("32", "✓", &format!("{what}: {outcome} ({took})"));
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

/// A step that stands alone.
pub(crate) fn step(what: &str) -> Step {
    line("36", "→", what);
    Step {
        what: what.to_owned(),
        since: Instant::now(),
    }
}

/// Announces a change to the system outside the repository, before it is made.
pub(crate) fn change(what: &str) {
    line("33", "!", what);
}

pub(crate) fn note(what: &str) {
    line("2", "·", what);
}

pub(crate) fn error(what: &str) {
    line("31", "✗", what);
}

/// Text of a program that was held back while it ran, such as a compiler's error.
pub(crate) fn quote(text: &str) {
    let _lock = lock();
    clear_progress();
    eprintln!("{}", text.trim_end());
}

/// Whether this is a terminal, on which a line may be drawn over.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Shows how far something is: over the line before on a terminal, as a
/// line of its own elsewhere.
pub(crate) fn progress(text: &str) {
    let _lock = lock();
    if is_watched() {
        let cut: String = text.chars().take(WIDTH).collect();
        eprint!("\r\u{1b}[2K\u{1b}[2m· {cut}\u{1b}[0m");
        let _ = std::io::stderr().flush();
    } else {
        eprintln!("· {text}");
    }
}

/// A time as a person says it: `0.4 s`, `12 s`, `3 min 05 s`.
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

/// Steps may run beside each other: a line is written whole.
fn lock() -> MutexGuard<'static, ()> {
    static LINE: Mutex<()> = Mutex::new(());
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn clear_progress() {
    if is_watched() {
        eprint!("\r\u{1b}[2K");
    }
}

fn line(colour: &str, mark: &str, text: &str) {
    let _lock = lock();
    clear_progress();
    if is_watched() {
        eprintln!("\u{1b}[{colour}m{mark}\u{1b}[0m {text}");
    } else {
        eprintln!("{mark} {text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_plain() {
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
