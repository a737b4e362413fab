//! Translates a filter into index terms.

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, HirKind};
use tocsin_core::matcher::{Matcher, Op};
use tocsin_core::search;
use tocsin_core::search_index::Field;
use tocsin_core::search_index::term::{self, Value};

use super::lookup::{self, Found, Range};
use super::set::AlertSet;
use crate::query::Reads;
use crate::{AlertCriteria, StorageError};

/// The most character pairs looked up for one word. More pairs leave fewer false candidates;
/// this many identify a sentence.
const MAX_PAIRS: usize = 24;
/// The most literal prefixes of a regular expression; with more, all values are checked.
const MAX_PREFIXES: usize = 16;
/// Compared bytes of a prefix; truncated values are longer.
const PREFIX_BYTES: usize = 40;

/// With at most this many alerts left, label values are not checked in the index.
const FEW_ALERTS: u64 = 500;

/// An index query. Each `usize` is a position in `terms`.
#[derive(Default)]
pub(super) struct Plan {
    terms: Vec<Vec<u8>>,
    /// At least one term of each list must be present.
    any: Vec<Vec<usize>>,
    /// All terms of each list must be present in one string.
    words: Vec<Vec<usize>>,
    /// None of these terms may be present.
    none: Vec<usize>,
    /// Regular expressions whose values have to be checked.
    walks: Vec<Walk>,
}

/// Check of a regular expression against all values of a label.
struct Walk {
    matcher: Matcher,
    /// Whether wanted values are those that the matcher matches, or the others.
    matches: bool,
    /// Whether alerts with a wanted value are excluded.
    excludes: bool,
    ranges: Vec<Range>,
}

impl Plan {
    pub(super) fn of(about: &AlertCriteria) -> Self {
        let mut plan = Self::default();
        for (field, values) in [
            (Field::Severity, &about.severity),
            (Field::Team, &about.team),
            (Field::Alertname, &about.alertname),
            (Field::Instance, &about.instance),
            (Field::Source, &about.source),
        ] {
            if !values.is_empty() {
                let terms = values.iter().map(|value| term::field(field, value));
                let places = terms.map(|term| plan.place(term)).collect();
                plan.any.push(places);
            }
        }
        for matcher in &about.matchers {
            plan.matcher(matcher);
        }
        for word in &about.words {
            plan.word(word);
        }
        plan
    }

    /// Whether the index cannot narrow the filter.
    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.walks.is_empty()
    }

    /// A missing label has the empty value. If the matcher matches the empty value, alerts
    /// with a value that does not match are excluded; otherwise, alerts with a matching value
    /// are included.
    fn matcher(&mut self, matcher: &Matcher) {
        let (name, value) = (matcher.name(), matcher.value());
        if name.contains('\0') || value.contains('\0') {
            // NUL is stored and indexed as U+FFFD, so the index has another name or value.
            return;
        }
        let of_value = || match value.is_empty() {
            true => term::has_label(name),
            false => term::label(name, value),
        };
        match matcher.op() {
            Op::Equal | Op::NotEqual => {
                let place = self.place(of_value());
                match matcher.matches_empty() {
                    true => self.none.push(place),
                    false => self.any.push(vec![place]),
                }
            }
            // A value with a line break does not match `.*`; rows are checked later anyway.
            Op::Match if value == ".*" => {}
            Op::Match if value == ".+" => {
                let place = self.place(term::has_label(name));
                self.any.push(vec![place]);
            }
            Op::Match | Op::NotMatch => self.expression(matcher),
        }
    }

    fn expression(&mut self, matcher: &Matcher) {
        let excludes = matcher.matches_empty();
        let matches = !excludes;
        // Either the values that the expression matches are wanted, for which prefixes may be
        // known, or all others.
        let is_positive = matches == (matcher.op() == Op::Match);
        if is_positive && !excludes && matches!(matcher.name(), "alertname" | "instance") {
            // These fields are full-text indexed, so their parts are in the index.
            let parts = parts(matcher.value());
            let before = self.words.len();
            parts.iter().for_each(|part| self.word(part));
            if self.words.len() > before {
                return;
            }
        }
        let prefix = term::label_prefix(matcher.name());
        let prefixes = match is_positive {
            true => prefixes(matcher.value()).unwrap_or_else(|| vec![Vec::new()]),
            false => vec![Vec::new()],
        };
        let ranges = prefixes.iter().filter_map(|literal_prefix| {
            let from = [&prefix[..], literal_prefix].concat();
            let to = term::after_prefix(&from)?;
            let prefix = prefix.len();
            Some(Range { prefix, from, to })
        });
        self.walks.push(Walk {
            matcher: matcher.clone(),
            matches,
            excludes,
            ranges: ranges.collect(),
        });
    }

    /// Adds a part of a string, case-folded.
    fn word(&mut self, word: &str) {
        let terms = term::word(word);
        // A sample spread over the whole word.
        let step = terms.len().div_ceil(MAX_PAIRS).max(1);
        let places: Vec<usize> = terms
            .into_iter()
            .step_by(step)
            .map(|term| self.place(term))
            .collect();
        if !places.is_empty() {
            self.words.push(places);
        }
    }

    fn place(&mut self, term: Vec<u8>) -> usize {
        let existing = self.terms.iter().position(|other| *other == term);
        existing.unwrap_or_else(|| {
            self.terms.push(term);
            self.terms.len() - 1
        })
    }

    /// Runs the index query.
    pub(super) async fn run(mut self, db: &impl Reads) -> Result<AlertSet, StorageError> {
        let mut set = AlertSet::default();
        // An alert whose labels were changed by later content may have a matching value as well
        // as an excluded one.
        let excludes = !self.none.is_empty() || self.walks.iter().any(|walk| walk.excludes);
        let overridden = excludes.then(|| self.place(term::overridden()));
        let mut overridden_alerts = roaring::RoaringTreemap::new();
        if !self.terms.is_empty() {
            let found = lookup::look_up(db, &self.terms).await?;
            self.answer(&found, &mut set)?;
            if let Some(overridden) = overridden {
                overridden_alerts = found.any(&[overridden])?;
            }
        }
        for walk in &self.walks {
            // Checking so few alerts one by one is faster.
            if set.listed().is_some_and(|count| count <= FEW_ALERTS) {
                break;
            }
            walk.run(db, &mut set).await?;
        }
        if let Some(except) = &mut set.except {
            *except -= overridden_alerts;
        }
        Ok(set)
    }

    fn answer(&self, found: &Found, set: &mut AlertSet) -> Result<(), StorageError> {
        for places in &self.any {
            set.take(found.any(places)?);
        }
        for places in &self.words {
            set.take(found.together(places)?);
        }
        if !self.none.is_empty() {
            set.leave_out(found.any(&self.none)?);
        }
        Ok(())
    }
}

impl Walk {
    async fn run(&self, db: &impl Reads, set: &mut AlertSet) -> Result<(), StorageError> {
        let wanted = |value: Value<'_>| match value {
            Value::Whole(value) => self.matcher.matches_value(value) == self.matches,
            // Unknown: include it, or do not exclude it.
            Value::Cut(_) => !self.excludes,
        };
        let mut all = roaring::RoaringTreemap::new();
        for range in &self.ranges {
            match lookup::values(db, range, wanted).await? {
                Some(found) => all |= found,
                None => return Ok(()),
            }
        }
        match self.excludes {
            true => set.leave_out(all),
            false => set.take(all),
        }
        Ok(())
    }
}

/// Literal prefixes of all strings that the expression matches, sorted, none being a prefix
/// of another; `None` if unknown.
fn prefixes(expression: &str) -> Option<Vec<Vec<u8>>> {
    let parsed = regex_syntax::parse(expression).ok()?;
    let found = Extractor::new().extract(&parsed);
    let mut all: Vec<Vec<u8>> = found
        .literals()?
        .iter()
        .map(|literal| {
            let bytes = literal.as_bytes();
            bytes[..bytes.len().min(PREFIX_BYTES)].to_vec()
        })
        .collect();
    all.sort_unstable();
    all.dedup_by(|later, earlier| later.starts_with(earlier));
    (all.len() <= MAX_PREFIXES && all.iter().all(|one| !one.is_empty())).then_some(all)
}

/// Literal parts of every string that the expression matches, case-folded; may be empty.
fn parts(expression: &str) -> Vec<String> {
    fn add(hir: &Hir, parts: &mut Vec<String>) {
        match hir.kind() {
            HirKind::Literal(literal) => {
                if let Ok(part) = std::str::from_utf8(&literal.0) {
                    parts.push(search::fold(part));
                }
            }
            HirKind::Concat(all) => all.iter().for_each(|one| add(one, parts)),
            HirKind::Capture(group) => add(&group.sub, parts),
            HirKind::Repetition(repeated) if repeated.min > 0 => add(&repeated.sub, parts),
            _ => {}
        }
    }
    let mut parts = Vec::new();
    if let Ok(parsed) = regex_syntax::parse(expression) {
        add(&parsed, &mut parts);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_prefixes_of_an_expression() {
        let of = |expression: &str| {
            let found = prefixes(expression)?;
            let texts = found.into_iter().map(|one| String::from_utf8(one).unwrap());
            Some(texts.collect::<Vec<_>>().join(" "))
        };
        assert_eq!(of("host-1.*").unwrap(), "host-1");
        assert_eq!(of("a1|b|a").unwrap(), "a b");
        assert_eq!(of("(?i)ab").unwrap(), "AB Ab aB ab");
        assert_eq!(of("内存(a|b)?").unwrap(), "内存");
        assert_eq!(of(".*a"), None);
        assert_eq!(of("a?b*"), None);
    }

    #[test]
    fn literal_parts_of_an_expression() {
        assert_eq!(
            parts(r".*-DB1(\.x)+.[0-9](ab|c)?内存"),
            ["-db1", ".x", "内存"]
        );
        assert_eq!(parts("ab|c"), [""; 0]);
        assert_eq!(parts("(?i)ab"), [""; 0]);
    }
}
