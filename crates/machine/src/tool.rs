//! Lookup of a tool by name and version.

use std::{
    fmt::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{Machine, Version};

/// A required program: its minimum version and where to look for it.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Display name.
    pub name: &'static str,
    /// Minimum version.
    pub minimum: &'static [u64],
    /// Debian package that provides it.
    pub package: &'static str,
    /// Environment variable with the path of the program to use. If set, no other
    /// path is tried.
    pub variable: &'static str,
    /// Candidate paths, best first.
    pub(crate) candidates: fn(&Machine) -> Vec<PathBuf>,
    /// Determines the version of the program at a path. The error is the reason why it
    /// cannot be used.
    pub(crate) version: fn(&Machine, &Path) -> Result<Version, String>,
}

/// A program with a sufficient version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Path of the program, or for PostgreSQL of the directory with its programs.
    pub path: PathBuf,
    /// Version reported by the program.
    pub version: Version,
}

/// No suitable version of a tool was found. Displays the required version, the
/// rejected candidates, and how to fix it.
#[derive(Debug, Clone)]
pub struct ToolNotFound {
    tool: Tool,
    rejected: Vec<(PathBuf, String)>,
    is_configured: bool,
}

impl Tool {
    /// Finds the first candidate with a sufficient version.
    ///
    /// # Errors
    /// [`ToolNotFound`] if there is none.
    pub fn find(&self, machine: &Machine) -> Result<Found, ToolNotFound> {
        let configured = machine.variable(self.variable).map(PathBuf::from);
        let is_configured = configured.is_some();
        let candidates = configured.map_or_else(|| (self.candidates)(machine), |path| vec![path]);
        let minimum = Version::new(self.minimum);
        let mut rejected = Vec::new();
        for path in candidates {
            match (self.version)(machine, &path) {
                Ok(version) if version >= minimum => return Ok(Found { path, version }),
                Ok(version) => rejected.push((path, format!("version {version}"))),
                Err(problem) => rejected.push((path, problem)),
            }
        }
        Err(ToolNotFound {
            tool: *self,
            rejected,
            is_configured,
        })
    }
}

impl ToolNotFound {
    /// Rejected candidates with the reason, such as "`/usr/bin/node` (version
    /// 18.20.4)". Empty if there were no candidates.
    #[must_use]
    pub fn rejected(&self) -> String {
        let mut text = String::new();
        for (path, problem) in &self.rejected {
            if !text.is_empty() {
                text.push_str(", ");
            }
            // Writing to a String cannot fail.
            let _ = write!(text, "{} ({problem})", path.display());
        }
        text
    }

    /// Whether the environment variable sets the path, so that installing a package
    /// does not help.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.is_configured
    }
}

impl fmt::Display for ToolNotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tool {
            name,
            minimum,
            package,
            variable,
            ..
        } = self.tool;
        let minimum = Version::new(minimum);
        write!(f, "{name} {minimum} or later is required; ")?;
        match (self.rejected().as_str(), self.is_configured) {
            ("", _) => f.write_str("none was found. ")?,
            (rejected, false) => write!(f, "found {rejected}. ")?,
            (rejected, true) => write!(f, "{variable} is set to {rejected}. ")?,
        }
        if self.is_configured {
            write!(f, "Unset {variable}, or set it to another path.")
        } else {
            write!(
                f,
                "Install it (Debian package {package}), or set {variable} to its path."
            )
        }
    }
}

impl std::error::Error for ToolNotFound {}
