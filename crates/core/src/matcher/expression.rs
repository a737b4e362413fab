//! Compiled regular expressions: bounded, and compiled once.

use std::convert::Infallible;
use std::sync::{LazyLock, Mutex, PoisonError};

use hashlink::LruCache;
use regex_automata::meta::{BuildError, Config, Regex};
use regex_syntax::ast::{self, Ast, parse::Parser};
use regex_syntax::hir::{Hir, Look, translate::Translator};

use super::MatcherError;

/// The most bytes that one compiled expression may take, and all those of one list of matchers
/// together: they are compiled from what anyone types into a filter, on the thread that has the
/// request. So many take about 10 ms.
pub(super) const MAX_SIZE: usize = 512 << 10;

/// The most bytes that each of the tables takes that are made while an expression is used.
const TABLE_SIZE: usize = 256 << 10;

/// Bytes of compiled expressions that are kept for the next request with the same ones: the next
/// page of a list, a viewer with matchers of their own.
const KEPT: usize = 4 << 20;

/// What the engine needs for any expression, and what its text takes.
const OVERHEAD: usize = 1 << 10;

/// The most characters, ranges and named classes in the brackets and escapes of an
/// expression, and of one that is blind to case: each of those looks for the other cases of
/// all its characters, which are a million in `\p{any}`, before any size is known.
const MAX_CLASSES: usize = 256;
const MAX_CASELESS_CLASSES: usize = 32;

/// Compiles an expression, anchored as Alertmanager anchors it, or takes it from the cache.
///
/// # Errors
///
/// [`MatcherError::Regex`], [`MatcherError::RegexTooLarge`].
pub(super) fn compile(expression: &str) -> Result<Regex, MatcherError> {
    if let Some(regex) = lock().get(expression) {
        return Ok(regex);
    }
    // By itself: `a)|(?:b` is no expression, but would become one, half anchored, within
    // the parentheses.
    let ast = Parser::new()
        .parse(expression)
        .map_err(|error| MatcherError::syntax(&error))?;
    // It has no end but that of the expression.
    let Ok(counted) = ast::visit(&ast, Classes::default());
    counted.check()?;
    let parsed = Translator::new()
        .translate(expression, &ast)
        .map_err(|error| MatcherError::syntax(&error))?;
    let anchored = Hir::concat(vec![Hir::look(Look::Start), parsed, Hir::look(Look::End)]);
    let config = Config::new()
        .nfa_size_limit(Some(MAX_SIZE))
        .onepass_size_limit(Some(TABLE_SIZE))
        .hybrid_cache_capacity(TABLE_SIZE);
    let regex = Regex::builder()
        .configure(config)
        .build_from_hir(&anchored)
        .map_err(|error| rejected(&error))?;
    if regex.memory_usage() > MAX_SIZE {
        return Err(MatcherError::RegexTooLarge);
    }
    lock().insert(expression, &regex);
    Ok(regex)
}

fn rejected(error: &BuildError) -> MatcherError {
    match error.syntax_error() {
        Some(error) => MatcherError::syntax(error),
        // Of its other reasons only the size can be met by what is typed.
        None => MatcherError::RegexTooLarge,
    }
}

/// What of an expression is costly to translate.
#[derive(Default)]
struct Classes {
    count: usize,
    is_caseless: bool,
}

impl Classes {
    fn check(&self) -> Result<(), MatcherError> {
        let most = match self.is_caseless {
            true => MAX_CASELESS_CLASSES,
            false => MAX_CLASSES,
        };
        match self.count <= most {
            true => Ok(()),
            false => Err(MatcherError::RegexTooLarge),
        }
    }

    fn flags(&mut self, flags: &ast::Flags) {
        let caseless = ast::FlagsItemKind::Flag(ast::Flag::CaseInsensitive);
        self.is_caseless |= flags.items.iter().any(|item| item.kind == caseless);
    }
}

impl ast::Visitor for Classes {
    type Output = Self;
    type Err = Infallible;

    fn finish(self) -> Result<Self, Infallible> {
        Ok(self)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Infallible> {
        match ast {
            Ast::ClassUnicode(_) | Ast::ClassPerl(_) | Ast::ClassBracketed(_) => self.count += 1,
            Ast::Flags(set) => self.flags(&set.flags),
            Ast::Group(group) => group
                .flags()
                .into_iter()
                .for_each(|flags| self.flags(flags)),
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, _: &ast::ClassSetItem) -> Result<(), Infallible> {
        self.count += 1;
        Ok(())
    }
}

#[derive(Debug)]
struct Cache {
    entries: LruCache<String, Regex>,
    size: usize,
}

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(|| {
    Mutex::new(Cache {
        entries: LruCache::new_unbounded(),
        size: 0,
    })
});

fn lock() -> std::sync::MutexGuard<'static, Cache> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    fn get(&mut self, expression: &str) -> Option<Regex> {
        self.entries.get(expression).cloned()
    }

    fn insert(&mut self, expression: &str, regex: &Regex) {
        self.size += size(expression, regex);
        let replaced = self.entries.insert(expression.to_owned(), regex.clone());
        if let Some(replaced) = replaced {
            self.size -= size(expression, &replaced);
        }
        while self.size > KEPT {
            let Some((expression, regex)) = self.entries.remove_lru() else {
                break;
            };
            self.size -= size(&expression, &regex);
        }
    }
}

fn size(expression: &str, regex: &Regex) -> usize {
    expression.len() + regex.memory_usage() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_costly_to_translate_is_counted_before() {
        let caseless = format!("(?i)(?:{}){{0}}", r"\p{any}".repeat(500));
        for costly in [&caseless, &format!("[{}]", r"\pL\d".repeat(200))] {
            assert_eq!(compile(costly).unwrap_err(), MatcherError::RegexTooLarge);
        }
        for usual in [
            r"(?i)[a-z0-9_.-]+\d",
            r"(?i:web|db)-[0-9]+",
            r"[[:alpha:]]\w*",
        ] {
            assert!(compile(usual).is_ok(), "{usual}");
        }
    }

    #[test]
    fn the_cache_is_bounded_in_bytes_and_keeps_the_latest() {
        let mut cache = Cache {
            entries: LruCache::new_unbounded(),
            size: 0,
        };
        let regex = compile(r"\pL{8}").unwrap();
        for number in 0..200 {
            cache.insert(&number.to_string(), &regex);
            cache.insert(&number.to_string(), &regex);
        }
        assert!(cache.size <= KEPT, "{}", cache.size);
        assert!(cache.get("199").is_some());
        assert!(cache.get("0").is_none());
        let held = cache.entries.iter();
        let sum: usize = held.map(|(text, regex)| size(text, regex)).sum();
        assert_eq!(sum, cache.size);
    }
}
