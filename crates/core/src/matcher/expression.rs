//! Compiled regular expressions: limited in size, and cached.

use std::convert::Infallible;
use std::sync::{LazyLock, Mutex, PoisonError};

use hashlink::LruCache;
use regex_automata::meta::{BuildError, Config, Regex};
use regex_syntax::ast::{self, Ast, parse::Parser};
use regex_syntax::hir::{Hir, Look, translate::Translator};

use super::MatcherError;

/// Maximum size of one compiled expression in bytes, and of all expressions of a list together:
/// they are compiled from user input in filters, on the request's thread. An expression of this
/// size compiles in about 10 ms.
pub(super) const MAX_SIZE: usize = 512 << 10;

/// Maximum size in bytes of each lazily built table of an expression.
const TABLE_SIZE: usize = 256 << 10;

/// Bytes of compiled expressions that are cached for the next request with the same ones: the next
/// page of a list, a viewer with configured matchers.
const KEPT: usize = 4 << 20;

/// Fixed size of a cache entry, beside the compiled expression and its source.
const OVERHEAD: usize = 1 << 10;

/// Maximum number of characters, ranges and named classes in the brackets and escapes of an
/// expression, and in all of a case-insensitive one: the compiler computes the case variants of all
/// characters of each (a million in `\p{any}`) before it checks any size.
const MAX_CLASSES: usize = 256;
const MAX_CASELESS_CLASSES: usize = 32;

/// Compiles an expression, anchored as Alertmanager anchors it, or returns it from the cache.
///
/// # Errors
///
/// [`MatcherError::Regex`], [`MatcherError::RegexTooLarge`].
pub(super) fn compile(expression: &str) -> Result<Regex, MatcherError> {
    if let Some(regex) = lock().get(expression) {
        return Ok(regex);
    }
    // Parsed alone first: `a)|(?:b` is invalid, but inside the anchoring parentheses it would be
    // valid and half anchored.
    let ast = Parser::new()
        .parse(expression)
        .map_err(|error| MatcherError::syntax(&error))?;
    // The visitor only fails with the expression's error.
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
        // Of the other reasons, user input can only exceed the size.
        None => MatcherError::RegexTooLarge,
    }
}

/// Counts the parts of an expression that are costly to translate.
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
    fn expensive_classes_are_rejected_before_compilation() {
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
