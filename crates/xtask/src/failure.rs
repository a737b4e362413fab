//! User-facing errors: one paragraph with the cause and how to fix it.

use std::{fmt, io, path::Path};

/// A failed step: the attempted action, the cause, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    tried: String,
    found: String,
    remedy: String,
    is_canceled: bool,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// `tried` completes "Could not …"; `found` and `remedy` are sentences. All three
    /// are without a period.
    pub(crate) fn new(
        tried: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            tried: tried.into(),
            found: found.into(),
            remedy: remedy.into(),
            is_canceled: false,
        }
    }

    /// A build that was canceled because another one failed.
    pub(crate) fn canceled(tried: impl Into<String>) -> Self {
        Self {
            is_canceled: true,
            ..Self::new(tried, "It was canceled", "Try again")
        }
    }

    /// Whether the step was canceled because of another failure.
    pub(crate) fn is_canceled(&self) -> bool {
        self.is_canceled
    }

    /// An invalid command line.
    pub(crate) fn usage(found: impl Into<String>) -> Self {
        Self::new(
            "parse the command line",
            found,
            "See `cargo xtask --help` for the commands and their options",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tried,
            found,
            remedy,
            is_canceled: _,
        } = self;
        let found = found.trim().trim_end_matches('.');
        write!(f, "Could not {tried}. {found}. {remedy}.")
    }
}

/// Adds the action and the path to an I/O error.
pub(crate) trait FileContext<T> {
    fn file(self, verb: &str, path: &Path) -> Result<T>;
}

impl<T> FileContext<T> for io::Result<T> {
    fn file(self, verb: &str, path: &Path) -> Result<T> {
        self.map_err(|error| {
            let remedy = match error.kind() {
                io::ErrorKind::StorageFull => "Free some space, then try again",
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "Check the owner and permissions of the directory"
                }
                _ => "Check the file, then try again",
            };
            Failure::new(
                format!("{verb} {}", path.display()),
                format!("The system reports: {error}"),
                remedy,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_is_displayed_as_one_paragraph() {
        let failure = Failure::new(
            "find Rust",
            "This machine has Rust 1.85.",
            "Run `rustup update`",
        );
        assert_eq!(
            failure.to_string(),
            "Could not find Rust. This machine has Rust 1.85. Run `rustup update`."
        );
    }
}
