//! Results of the layers: counts parsed from the output of the test runners, the table,
//! and the totals.

use std::{fmt::Write as _, ops::AddAssign, time::Duration};

use crate::{failure::Result, terminal};

/// Number of passed, failed and skipped tests or checks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl Counts {
    /// Counts of passed checks. A failed check fails the whole layer.
    pub(super) fn of_checks(passed: usize) -> Self {
        Self {
            passed,
            ..Self::default()
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self {
            passed,
            failed,
            skipped,
        } = other;
        self.passed += passed;
        self.failed += failed;
        self.skipped += skipped;
    }
}

/// A test runner, by its output format.
#[derive(Debug, Clone, Copy)]
pub(super) enum Runner {
    Nextest,
    CargoTest,
    Node,
    Contract,
    /// `cargo xtask test` itself.
    Totals,
}

impl Runner {
    /// Parses the counts in the output of the runner. Zero if it has no summary.
    pub(super) fn counts(self, output: &str) -> Counts {
        let output = without_colors(output);
        match self {
            Self::Nextest => nextest(&output),
            Self::CargoTest => cargo_test(&output),
            Self::Node => node(&output),
            Self::Contract => numbers(last_with_prefix(&output, "contract: ")),
            Self::Totals => numbers(output.lines().last().unwrap_or_default()),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Succeeded without counts.
    Ready,
    Passed(Counts),
    Failed(Counts),
    /// Skipped, because the layer with this name failed.
    Skipped(&'static str),
}

impl Outcome {
    /// Converts a result. Prints the error, if any.
    pub(super) fn of(result: Result<Counts>) -> Self {
        match result {
            Ok(counts) if counts.failed == 0 => Self::Passed(counts),
            Ok(counts) => Self::Failed(counts),
            Err(error) => {
                terminal::error(&error.to_string());
                Self::Failed(Counts::default())
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Row {
    name: &'static str,
    outcome: Outcome,
    time: Duration,
}

impl Row {
    pub(super) fn new(name: &'static str, outcome: Outcome, time: Duration) -> Self {
        Self {
            name,
            outcome,
            time,
        }
    }

    pub(super) fn is_good(&self) -> bool {
        matches!(self.outcome, Outcome::Ready | Outcome::Passed(_))
    }

    /// Counts of the layer. A layer that failed without a failed test counts as one
    /// failure, so that the totals match the exit code.
    fn counts(&self) -> Counts {
        match self.outcome {
            Outcome::Ready => Counts::default(),
            Outcome::Passed(counts) => counts,
            Outcome::Failed(counts) => Counts {
                failed: counts.failed.max(1),
                ..counts
            },
            Outcome::Skipped(_) => Counts {
                failed: 1,
                ..Counts::default()
            },
        }
    }
}

/// Whether this layer failed or was skipped.
pub(super) fn failed(rows: &[Row], name: &str) -> bool {
    rows.iter().any(|row| row.name == name && !row.is_good())
}

pub(super) fn table(rows: &[Row]) -> String {
    let mut table = String::from("layer      result    passed  failed  skipped  time\n");
    for row in rows {
        let result = match row.outcome {
            Outcome::Ready | Outcome::Passed(_) => "ok",
            Outcome::Failed(_) => "FAILED",
            Outcome::Skipped(_) => "skipped",
        };
        let counts = row.counts();
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "{:<10} {:<8} {:>7} {:>7} {:>8}  {}",
            row.name,
            result,
            counts.passed,
            counts.failed,
            counts.skipped,
            terminal::duration(row.time)
        );
    }
    table
}

/// The totals: `N passed, N failed`, a format parsed by continuous integration.
pub(super) fn totals(rows: &[Row]) -> String {
    let mut sum = Counts::default();
    for row in rows {
        sum += row.counts();
    }
    let mut line = format!("{} passed, {} failed", sum.passed, sum.failed);
    if sum.skipped > 0 {
        let _ = write!(line, ", {} skipped", sum.skipped);
    }
    line
}

/// Parses `Summary [ 0.1s] 5 tests run: 4 passed (1 slow), 1 failed, 3 skipped`.
///
/// Skipped tests are not counted: they include the tests of other layers.
fn nextest(output: &str) -> Counts {
    let summary = output
        .lines()
        .rfind(|line| line.trim_start().starts_with("Summary ["))
        .and_then(|line| line.split_once(" run: "))
        .map_or("", |(_, counts)| counts);
    let mut counts = Counts::default();
    for part in without_parentheses(summary).split(',') {
        match number_and_word(part) {
            Some((number, "passed")) => counts.passed += number,
            Some((number, "failed" | "timed out" | "exec failed")) => counts.failed += number,
            _ => {}
        }
    }
    counts
}

/// Parses `test result: ok. 4 passed; 0 failed; 1 ignored; …`, one line per test program.
fn cargo_test(output: &str) -> Counts {
    let mut counts = Counts::default();
    for line in output.lines() {
        let Some((_, summary)) = line
            .strip_prefix("test result: ")
            .and_then(|line| line.split_once(". "))
        else {
            continue;
        };
        for part in summary.split(';') {
            match number_and_word(part) {
                Some((number, "passed")) => counts.passed += number,
                Some((number, "failed")) => counts.failed += number,
                Some((number, "ignored")) => counts.skipped += number,
                _ => {}
            }
        }
    }
    counts
}

/// Parses `ℹ pass 5`, or `# pass 5` in TAP format, one line per count.
fn node(output: &str) -> Counts {
    let mut counts = Counts::default();
    for line in output.lines() {
        let Some(line) = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# ")) else {
            continue;
        };
        let Some((word, number)) = line.split_once(' ') else {
            continue;
        };
        let Ok(number) = number.trim().parse::<usize>() else {
            continue;
        };
        match word {
            "pass" => counts.passed += number,
            "fail" | "cancelled" => counts.failed += number,
            "skipped" | "todo" => counts.skipped += number,
            _ => {}
        }
    }
    counts
}

/// Rest of the last line with a prefix.
fn last_with_prefix<'a>(output: &'a str, prefix: &str) -> &'a str {
    let mut lines = output.lines().rev();
    lines
        .find_map(|line| line.strip_prefix(prefix))
        .unwrap_or_default()
}

/// Parses `5 passed, 0 failed, 1 skipped`.
fn numbers(summary: &str) -> Counts {
    let mut counts = Counts::default();
    for part in summary.split(',') {
        match number_and_word(part) {
            Some((number, "passed")) => counts.passed += number,
            Some((number, "failed")) => counts.failed += number,
            Some((number, "skipped")) => counts.skipped += number,
            _ => {}
        }
    }
    counts
}

/// Parses ` 4 passed ` to 4 and `passed`.
fn number_and_word(part: &str) -> Option<(usize, &str)> {
    let (number, word) = part.trim().split_once(' ')?;
    Some((number.parse().ok()?, word.trim()))
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0_usize;
    text.chars()
        .filter(|letter| {
            match letter {
                '(' => depth += 1,
                ')' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect()
}

/// Removes the escape sequences for terminal colors.
fn without_colors(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // A sequence is `[`, parameters, and one letter at the end.
        let rest = part
            .strip_prefix('[')
            .and_then(|part| part.split_once(|letter: char| letter.is_ascii_alphabetic()))
            .map_or(part, |(_, rest)| rest);
        plain.push_str(rest);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: usize, failed: usize, skipped: usize) -> Counts {
        Counts {
            passed,
            failed,
            skipped,
        }
    }

    #[test]
    fn contract_summary_is_parsed() {
        let text = "contract: 1 passed, 9 failed\n12 selected\ncontract: 40 passed, 2 failed\n";
        assert_eq!(Runner::Contract.counts(text), counts(40, 2, 0));
        assert_eq!(Runner::Contract.counts("nothing"), counts(0, 0, 0));
        let text = "layer  result\n\n12 passed, 1 failed, 3 skipped\n";
        assert_eq!(Runner::Totals.counts(text), counts(12, 1, 3));
    }

    #[test]
    fn nextest_summary_is_parsed() {
        for (text, expected) in [
            (
                "     Summary [   0.113s] 25 tests run: 25 passed, 3 skipped\n",
                counts(25, 0, 0),
            ),
            (
                "     Summary [   9.1s] 5 tests run: 2 passed (1 slow, 1 leaky), 2 failed, 1 timed out, 0 skipped\n",
                counts(2, 3, 0),
            ),
            (
                "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m1\u{1b}[0m test run: \u{1b}[1m1\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m skipped\n",
                counts(1, 0, 0),
            ),
            ("error: no tests to run\n", counts(0, 0, 0)),
        ] {
            assert_eq!(Runner::Nextest.counts(text), expected, "{text}");
        }
    }

    #[test]
    fn output_of_failed_tests_is_not_counted() {
        let text = "    test result: FAILED. 0 passed; 1 failed; 0 ignored\n\
                    test result: FAILED. 0 passed; 1 failed; 0 ignored\n     \
                    Summary [   0.1s] 1 test run: 0 passed, 1 failed, 0 skipped\n";
        assert_eq!(Runner::Nextest.counts(text), counts(0, 1, 0));
    }

    #[test]
    fn cargo_test_summaries_are_added() {
        let text = "test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(Runner::CargoTest.counts(text), counts(5, 2, 1));
    }

    #[test]
    fn node_summary_is_parsed_in_both_formats() {
        let spec = "✔ a page\nℹ tests 8\nℹ suites 0\nℹ pass 5\nℹ fail 1\nℹ cancelled 1\nℹ skipped 1\nℹ todo 0\nℹ duration_ms 51.2\n";
        assert_eq!(Runner::Node.counts(spec), counts(5, 2, 1));
        assert_eq!(
            Runner::Node.counts(&spec.replace('ℹ', "#")),
            counts(5, 2, 1)
        );
    }

    #[test]
    fn failed_and_skipped_layers_count_as_failures() {
        let time = Duration::from_secs(1);
        let good = Row::new("unit", Outcome::Passed(counts(7, 0, 2)), time);
        assert_eq!(totals(&[good]), "7 passed, 0 failed, 2 skipped");
        let broken = Row::new(
            "lint",
            Outcome::of(Err(crate::failure::Failure::usage("broken"))),
            time,
        );
        assert!(!broken.is_good());
        let skipped = Row::new("e2e", Outcome::Skipped("lint"), time);
        let rows = [broken, skipped];
        assert_eq!(totals(&rows), "0 passed, 2 failed");
        assert!(failed(&rows, "lint") && !failed(&rows, "unit"));
    }

    #[test]
    fn table_has_a_row_per_layer() {
        let rows = [
            Row::new("setup", Outcome::Ready, Duration::from_millis(300)),
            Row::new(
                "unit",
                Outcome::Failed(counts(7, 1, 0)),
                Duration::from_secs(70),
            ),
        ];
        let table = table(&rows);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(
            lines[1],
            "setup      ok             0       0        0  0.3 s"
        );
        assert_eq!(
            lines[2],
            "unit       FAILED         7       1        0  1 min 10 s"
        );
    }
}
