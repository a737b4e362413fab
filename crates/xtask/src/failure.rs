//! Why a step did not work, as one paragraph that a person can act on.

use std::{fmt, io, path::Path};

/// A step that failed: what was tried, what was found, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    tried: String,
    found: String,
    remedy: String,
    is_cancelled: bool,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// `tried` completes "Could not …", `found` and `remedy` are sentences; all
    /// three without their full stop.
    pub(crate) fn new(
        tried: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            tried: tried.into(),
            found: found.into(),
            remedy: remedy.into(),
            is_cancelled: false,
        }
    }

    /// A build that was ended because another one failed.
    pub(crate) fn cancelled(tried: impl Into<String>) -> Self {
        Self {
            is_cancelled: true,
            ..Self::new(tried, "It was cancelled", "Try again")
        }
    }

    /// Whether another failure is the cause.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }

    /// A command line that cannot be read.
    pub(crate) fn usage(found: impl Into<String>) -> Self {
        Self::new(
            "read the command line",
            found,
            "`cargo xtask --help` lists the commands and their options",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tried,
            found,
            remedy,
            is_cancelled: _,
        } = self;
        let found = found.trim().trim_end_matches('.');
        write!(f, "Could not {tried}. {found}. {remedy}.")
    }
}

/// Adds to an error of the file system what was tried with which file.
pub(crate) trait FileContext<T> {
    fn file(self, verb: &str, path: &Path) -> Result<T>;
}

impl<T> FileContext<T> for io::Result<T> {
    fn file(self, verb: &str, path: &Path) -> Result<T> {
        self.map_err(|error| {
            let remedy = match error.kind() {
                io::ErrorKind::StorageFull => "Free some space and try again",
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "Check who owns the folder and that it is writable"
                }
                _ => "Check the file and try again",
            };
            Failure::new(
                format!("{verb} {}", path.display()),
                format!("The system says: {error}"),
                remedy,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_paragraph_of_three_parts() {
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
