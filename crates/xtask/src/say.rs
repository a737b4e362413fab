//! What the user is told: one line for each step, with its time when it is done.
//!
//! Everything goes to standard error, so that standard output stays free for
//! the last line of `test` and for the server's own words.

use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

/// A step under way. Its closing line comes from [`Step::done`]; a step that
/// fails is closed by the error.
#[derive(Debug)]
#[must_use = "a step that is not closed has no time"]
pub(crate) struct Step {
    what: String,
    since: Instant,
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
}

/// Announces a step, before it starts.
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

fn line(colour: &str, mark: &str, text: &str) {
    if std::io::stderr().is_terminal() {
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
