//! A program that is looked for by what it can do.

use std::{
    fmt::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{Machine, Version};

/// A program, its version, and where it may be.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Its name for people.
    pub name: &'static str,
    /// The lowest version that does what the tests need.
    pub minimum: &'static [u64],
    /// The Debian package.
    pub package: &'static str,
    /// The environment variable that names another one; it alone counts then.
    pub variable: &'static str,
    /// Where it may be, best first.
    pub(crate) places: fn(&Machine) -> Vec<PathBuf>,
    /// Runs what is there for its version; an error says why it does not run.
    pub(crate) version: fn(&Machine, &Path) -> Result<Version, String>,
}

/// A program that is fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The program, or for PostgreSQL the folder of its programs.
    pub path: PathBuf,
    /// What it said of itself.
    pub version: Version,
}

/// None of the places has a fit one. As text: what is needed, what was found
/// where, and what to do.
#[derive(Debug, Clone)]
pub struct Unfit {
    tool: Tool,
    seen: Vec<(PathBuf, String)>,
    named: bool,
}

impl Tool {
    /// The first fit one.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, machine: &Machine) -> Result<Found, Unfit> {
        let named = machine.variable(self.variable).map(PathBuf::from);
        let is_named = named.is_some();
        let places = named.map_or_else(|| (self.places)(machine), |place| vec![place]);
        let minimum = Version::new(self.minimum);
        let mut seen = Vec::new();
        for path in places {
            match (self.version)(machine, &path) {
                Ok(version) if version >= minimum => return Ok(Found { path, version }),
                Ok(version) => seen.push((path, format!("version {version}"))),
                Err(problem) => seen.push((path, problem)),
            }
        }
        Err(Unfit {
            tool: *self,
            seen,
            named: is_named,
        })
    }
}

impl Unfit {
    /// Where something was found, and what is wrong with it: "`/usr/bin/node`
    /// (version 18.20.4)"; empty for nothing.
    #[must_use]
    pub fn seen(&self) -> String {
        let mut text = String::new();
        for (path, problem) in &self.seen {
            if !text.is_empty() {
                text.push_str(", ");
            }
            // Writing to a String cannot fail.
            let _ = write!(text, "{} ({problem})", path.display());
        }
        text
    }

    /// Whether the variable names it, so that installing something is no remedy.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.named
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tool {
            name,
            minimum,
            package,
            variable,
            ..
        } = self.tool;
        let minimum = Version::new(minimum);
        write!(f, "{name} {minimum} or later is needed; ")?;
        match (self.seen().as_str(), self.named) {
            ("", _) => f.write_str("this machine has none. ")?,
            (seen, false) => write!(f, "this machine has {seen}. ")?,
            (seen, true) => write!(f, "{variable} names {seen}. ")?,
        }
        if self.named {
            write!(f, "Unset {variable}, or let it name another one.")
        } else {
            write!(
                f,
                "Install it (Debian's package is {package}), or name one with {variable}."
            )
        }
    }
}

impl std::error::Error for Unfit {}
