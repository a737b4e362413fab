//! A minimal command-line parser.

use std::{collections::VecDeque, ffi::OsString};

use crate::failure::{Failure, Result};

/// Command-line arguments: options (`--name`) with values (`--name value` or
/// `--name=value`).
#[derive(Debug)]
pub(crate) struct Arguments {
    rest: VecDeque<OsString>,
    /// Option and value of `--name=value`, until the value is read.
    value: Option<(String, String)>,
}

impl Arguments {
    pub(crate) fn new(arguments: impl IntoIterator<Item = OsString>) -> Self {
        Self {
            rest: arguments.into_iter().collect(),
            value: None,
        }
    }

    /// Returns the next argument. Options keep their dashes.
    ///
    /// # Errors
    /// [`Failure`] if the previous option has a value but takes none.
    pub(crate) fn next(&mut self) -> Result<Option<String>> {
        if let Some((name, value)) = self.value.take() {
            return Err(Failure::usage(format!(
                "The option {name} takes no value, but {value:?} was given"
            )));
        }
        let Some(word) = self.rest.pop_front() else {
            return Ok(None);
        };
        let word = word
            .into_string()
            .map_err(|word| Failure::usage(format!("{} is not valid UTF-8", word.display())))?;
        if word.starts_with("--")
            && let Some((name, value)) = word.split_once('=')
        {
            self.value = Some((name.to_owned(), value.to_owned()));
            return Ok(Some(name.to_owned()));
        }
        Ok(Some(word))
    }

    /// Returns the value of the option last returned by [`Arguments::next`].
    pub(crate) fn value(&mut self, option: &str) -> Result<OsString> {
        if let Some((_, value)) = self.value.take() {
            return Ok(value.into());
        }
        let value = self.rest.pop_front();
        value.ok_or_else(|| Failure::usage(format!("The option {option} requires a value")))
    }

    /// Returns the parsed value of the option last returned by [`Arguments::next`].
    /// `what` describes the expected value.
    pub(crate) fn parsed<T: std::str::FromStr>(&mut self, option: &str, what: &str) -> Result<T> {
        let value = self.value(option)?;
        let parsed = value.to_str().and_then(|value| value.parse().ok());
        parsed.ok_or_else(|| {
            Failure::usage(format!(
                "The option {option} requires {what}, not {:?}",
                value.display().to_string()
            ))
        })
    }

    /// Returns the remaining arguments unparsed.
    pub(crate) fn into_rest(self) -> Vec<OsString> {
        self.rest.into()
    }

    /// Error for an unknown argument.
    pub(crate) fn unexpected(word: &str) -> Failure {
        Failure::usage(format!("Unknown argument {word}"))
    }

    /// Parses the arguments of a command with a single flag. Returns whether it is set.
    pub(crate) fn flag(mut self, name: &str) -> Result<bool> {
        let mut is_set = false;
        while let Some(word) = self.next()? {
            if word != name {
                return Err(Self::unexpected(&word));
            }
            is_set = true;
        }
        Ok(is_set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&str]) -> Arguments {
        Arguments::new(words.iter().map(OsString::from))
    }

    #[test]
    fn values_follow_the_option_or_an_equals_sign() {
        for words in [&["--port", "90"][..], &["--port=90"]] {
            let mut arguments = arguments(words);
            assert_eq!(arguments.next().unwrap().as_deref(), Some("--port"));
            assert_eq!(arguments.parsed("--port", "a port"), Ok(90_u16));
            assert_eq!(arguments.next(), Ok(None));
        }
    }

    #[test]
    fn missing_invalid_or_unexpected_value_is_an_error() {
        let mut missing = arguments(&["--port"]);
        missing.next().unwrap();
        let error = missing.parsed::<u16>("--port", "a port").unwrap_err();
        assert!(
            error.to_string().contains("--port requires a value"),
            "{error}"
        );
        let mut wrong = arguments(&["--port", "many"]);
        wrong.next().unwrap();
        assert!(wrong.parsed::<u16>("--port", "a port").is_err());
        assert!(arguments(&["--demo=yes"]).flag("--demo").is_err());
        assert!(arguments(&["--other"]).flag("--demo").is_err());
        assert_eq!(arguments(&["--demo"]).flag("--demo"), Ok(true));
    }
}
