//! What of a filter the index answers, and with which terms.

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

/// Pairs of characters of one word that are looked up. The more, the fewer
/// series are tried in vain; a sentence is known by so many.
const PAIRS: usize = 24;
/// Beginnings that a regular expression's values may have before all values
/// are looked at.
const BEGINNINGS: usize = 16;
/// Bytes of a beginning that are compared: what is left of a value that was cut
/// has more.
const BEGINNING: usize = 40;

/// Series that are not made fewer by looking at all values of a label.
const FEW: u64 = 500;

/// What is asked of the index. `usize` are places in `terms`.
#[derive(Default)]
pub(super) struct Plan {
    terms: Vec<Vec<u8>>,
    /// Of each, one of its terms at least.
    any: Vec<Vec<usize>>,
    /// Of each, all of its terms, in one text.
    words: Vec<Vec<usize>>,
    /// None of these terms.
    none: Vec<usize>,
    /// Values are to be looked at.
    walks: Vec<Walk>,
}

/// A matcher with a regular expression.
struct Walk {
    matcher: Matcher,
    /// A value that is wanted is one that it matches, or that it does not.
    matches: bool,
    /// The series with a wanted value are to be left out.
    leaves_out: bool,
    ranges: Vec<Range>,
}

impl Plan {
    pub(super) fn of(about: &AlertCriteria) -> Self {
        let mut plan = Self::default();
        for (fact, values) in [
            (Field::Severity, &about.severity),
            (Field::Team, &about.team),
            (Field::Alertname, &about.alertname),
            (Field::Instance, &about.instance),
            (Field::Source, &about.source),
        ] {
            if !values.is_empty() {
                let terms = values.iter().map(|value| term::field(fact, value));
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

    /// Whether the index has nothing to say.
    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.walks.is_empty()
    }

    /// A series without the label has it empty. So where the empty value
    /// matches, the series to leave out are those with a value that does not;
    /// otherwise the series to take are those with a value that does.
    fn matcher(&mut self, matcher: &Matcher) {
        let (name, value) = (matcher.name(), matcher.value());
        if name.contains('\0') || value.contains('\0') {
            // Stored as U+FFFD, and so in the index: another name or value.
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
            // A value with a line break in it does not match `.*`: that is
            // tried later, as everything is.
            Op::Match if value == ".*" => {}
            Op::Match if value == ".+" => {
                let place = self.place(term::has_label(name));
                self.any.push(vec![place]);
            }
            Op::Match | Op::NotMatch => self.expression(matcher),
        }
    }

    fn expression(&mut self, matcher: &Matcher) {
        let leaves_out = matcher.matches_empty();
        let matches = !leaves_out;
        // Wanted are the values that the expression itself matches, of which
        // something may be known, or all others.
        let is_positive = matches == (matcher.op() == Op::Match);
        if is_positive && !leaves_out && matches!(matcher.name(), "alertname" | "instance") {
            // They are searchable texts, so their parts are in the index.
            let parts = parts(matcher.value());
            let before = self.words.len();
            parts.iter().for_each(|part| self.word(part));
            if self.words.len() > before {
                return;
            }
        }
        let prefix = term::label_prefix(matcher.name());
        let beginnings = match is_positive {
            true => beginnings(matcher.value()).unwrap_or_else(|| vec![Vec::new()]),
            false => vec![Vec::new()],
        };
        let ranges = beginnings.iter().filter_map(|beginning| {
            let from = [&prefix[..], beginning].concat();
            let to = term::after_prefix(&from)?;
            let prefix = prefix.len();
            Some(Range { prefix, from, to })
        });
        self.walks.push(Walk {
            matcher: matcher.clone(),
            matches,
            leaves_out,
            ranges: ranges.collect(),
        });
    }

    /// A part of a text, folded.
    fn word(&mut self, word: &str) {
        let terms = term::word(word);
        // Some from all over the word.
        let step = terms.len().div_ceil(PAIRS).max(1);
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
        let known = self.terms.iter().position(|other| *other == term);
        known.unwrap_or_else(|| {
            self.terms.push(term);
            self.terms.len() - 1
        })
    }

    /// Asks the index.
    pub(super) async fn run(mut self, db: &impl Reads) -> Result<AlertSet, StorageError> {
        let mut set = AlertSet::default();
        // What was told with other labels, too, may have a value that matches
        // beside one that does not.
        let leaves_out = !self.none.is_empty() || self.walks.iter().any(|walk| walk.leaves_out);
        let overridden = leaves_out.then(|| self.place(term::overridden()));
        let mut always = roaring::RoaringTreemap::new();
        if !self.terms.is_empty() {
            let found = lookup::look_up(db, &self.terms).await?;
            self.answer(&found, &mut set)?;
            if let Some(overridden) = overridden {
                always = found.any(&[overridden])?;
            }
        }
        for walk in &self.walks {
            // So few are tried one by one more quickly.
            if set.listed().is_some_and(|series| series <= FEW) {
                break;
            }
            walk.run(db, &mut set).await?;
        }
        if let Some(except) = &mut set.except {
            *except -= always;
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
            // Not known: taken, or not left out.
            Value::Cut(_) => !self.leaves_out,
        };
        let mut all = roaring::RoaringTreemap::new();
        for range in &self.ranges {
            match lookup::values(db, range, wanted).await? {
                Some(found) => all |= found,
                None => return Ok(()),
            }
        }
        match self.leaves_out {
            true => set.leave_out(all),
            false => set.take(all),
        }
        Ok(())
    }
}

/// With what every text begins that the expression matches, in order and none
/// beginning with another; `None` where that is not known.
fn beginnings(expression: &str) -> Option<Vec<Vec<u8>>> {
    let parsed = regex_syntax::parse(expression).ok()?;
    let found = Extractor::new().extract(&parsed);
    let mut all: Vec<Vec<u8>> = found
        .literals()?
        .iter()
        .map(|literal| {
            let bytes = literal.as_bytes();
            bytes[..bytes.len().min(BEGINNING)].to_vec()
        })
        .collect();
    all.sort_unstable();
    all.dedup_by(|later, earlier| later.starts_with(earlier));
    (all.len() <= BEGINNINGS && all.iter().all(|one| !one.is_empty())).then_some(all)
}

/// What occurs in every text that the expression matches, folded; may be
/// nothing.
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
    fn what_an_expression_begins_with_is_known() {
        let of = |expression: &str| {
            let found = beginnings(expression)?;
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
    fn what_an_expression_has_in_it_is_known() {
        assert_eq!(
            parts(r".*-DB1(\.x)+.[0-9](ab|c)?内存"),
            ["-db1", ".x", "内存"]
        );
        assert_eq!(parts("ab|c"), [""; 0]);
        assert_eq!(parts("(?i)ab"), [""; 0]);
    }
}
