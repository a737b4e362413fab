//! Compiled regular expressions: bounded, and compiled once.

use std::sync::{LazyLock, Mutex, PoisonError};

use hashlink::LruCache;
use regex_automata::meta::{BuildError, Config, Regex};

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

/// Compiles an expression, anchored as Alertmanager anchors it, or takes it from the cache.
///
/// # Errors
///
/// [`MatcherError::Regex`], [`MatcherError::RegexTooLarge`].
pub(super) fn compile(expression: &str) -> Result<Regex, MatcherError> {
    if let Some(regex) = lock().get(expression) {
        return Ok(regex);
    }
    // By itself first: `a)|(?:b` is no expression, but would become one, half anchored, within
    // the parentheses.
    regex_syntax::parse(expression).map_err(|error| MatcherError::syntax(&error))?;
    let config = Config::new()
        .nfa_size_limit(Some(MAX_SIZE))
        .onepass_size_limit(Some(TABLE_SIZE))
        .hybrid_cache_capacity(TABLE_SIZE);
    let regex = Regex::builder()
        .configure(config)
        .build(&format!("^(?:{expression})$"))
        .map_err(|error| refused(&error))?;
    if regex.memory_usage() > MAX_SIZE {
        return Err(MatcherError::RegexTooLarge);
    }
    lock().insert(expression, &regex);
    Ok(regex)
}

fn refused(error: &BuildError) -> MatcherError {
    match error.syntax_error() {
        Some(error) => MatcherError::syntax(error),
        // Of its other reasons only the size can be met by what is typed.
        None => MatcherError::RegexTooLarge,
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
