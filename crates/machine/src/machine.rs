//! The environment that programs are looked for and run in.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fmt,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

/// A file system and the variables of a process: of this one, or made up by a
/// test.
#[derive(Debug, Clone)]
pub struct Machine {
    root: PathBuf,
    variables: BTreeMap<OsString, OsString>,
}

/// Why a program gave no answer, as a sentence without its full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The command as one would type it.
    pub command: String,
    /// How it ended.
    pub reason: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Failed {
    /// The last line of what it wrote, which names the cause in most programs.
    #[must_use]
    pub fn last_line(&self) -> &str {
        self.stderr.lines().last().unwrap_or(&self.reason)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.command, self.reason)?;
        match self.stderr.trim() {
            "" => Ok(()),
            text => write!(f, ": {text}"),
        }
    }
}

impl std::error::Error for Failed {}

impl Machine {
    /// The one that this process runs on.
    #[must_use]
    pub fn here() -> Self {
        Self {
            root: PathBuf::from("/"),
            variables: env::vars_os().collect(),
        }
    }

    /// One with its files below `root`, and no variable but these.
    #[must_use]
    pub fn new(root: &Path, variables: &[(&str, &OsStr)]) -> Self {
        let own = |&(name, value): &(&str, &OsStr)| (name.into(), value.to_owned());
        Self {
            root: root.to_owned(),
            variables: variables.iter().map(own).collect(),
        }
    }

    /// The same with one variable changed.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// The same without the variables whose names a test holds for.
    #[must_use]
    pub fn without(mut self, is_unwanted: impl Fn(&str) -> bool) -> Self {
        self.variables
            .retain(|name, _| !name.to_str().is_some_and(&is_unwanted));
        self
    }

    /// A variable that is set, and not to nothing.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        let value = self.variables.get(OsStr::new(name))?;
        Some(value.as_os_str()).filter(|value| !value.is_empty())
    }

    /// All variables.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// An absolute path of this machine.
    #[must_use]
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The programs of this name in the path, in its order.
    #[must_use]
    pub fn all_in_path(&self, name: &str) -> Vec<PathBuf> {
        let Some(path) = self.variable("PATH") else {
            return Vec::new();
        };
        let mut found: Vec<PathBuf> = Vec::new();
        for folder in env::split_paths(path) {
            let file = folder.join(name);
            if is_program(&file) && !found.contains(&file) {
                found.push(file);
            }
        }
        found
    }

    /// The program that the path gives for a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        self.all_in_path(name).into_iter().next()
    }

    /// A command with this machine's variables. A name without a slash is looked
    /// for in this machine's path.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let program = program.as_ref();
        let name = program.to_str().filter(|name| !name.contains('/'));
        let file = name.and_then(|name| self.find(name));
        let mut command = Command::new(file.as_deref().map_or(program, Path::as_os_str));
        command.env_clear().envs(&self.variables);
        command
    }

    /// Whether programs here may change the system.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.output(self.command("id").arg("-u"))
            .is_ok_and(|id| id.trim() == "0")
    }

    /// What a command writes to standard output.
    ///
    /// # Errors
    /// It does not start, or ends with a failure.
    pub fn output(&self, command: &mut Command) -> Result<String, Failed> {
        let shown = shown(command);
        let failed = |reason, said: &[u8]| Failed {
            command: shown.clone(),
            reason,
            stderr: String::from_utf8_lossy(said).trim().to_owned(),
        };
        let output = command
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(format!("does not start ({error})"), b""))?;
        if !output.status.success() {
            return Err(failed(ending(output.status), &output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// `ended with exit status: 1`, without Rust's own words for it.
fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with status {code}"),
        None => format!("was ended by a signal ({status})"),
    }
}

/// A command as one would type it, without its environment.
#[must_use]
pub fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether this is a file that may be run.
pub(crate) fn is_program(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_and_its_error() {
        let machine = Machine::here();
        let failed = machine
            .output(
                machine
                    .command("sh")
                    .args(["-c", "echo broken >&2; exit 3"]),
            )
            .unwrap_err()
            .to_string();
        assert!(failed.contains("sh -c"), "{failed}");
        assert!(failed.ends_with("ended with status 3: broken"), "{failed}");
        let absent = machine.output(&mut machine.command("no-such-program-here"));
        assert!(absent.unwrap_err().to_string().contains("does not start"));
    }

    #[test]
    fn every_program_of_a_name_is_found_in_the_order_of_the_path() {
        let machine = Machine::here().with("PATH", "/nowhere:/usr/bin:/bin:/usr/bin");
        let found = machine.all_in_path("sh");
        assert_eq!(found.first(), Some(&PathBuf::from("/usr/bin/sh")));
        assert_eq!(found.len(), 2);
        assert!(machine.all_in_path("no-such-program-here").is_empty());
    }

    #[test]
    fn a_command_sees_the_variables_of_its_machine_only() {
        let machine = Machine::new(
            Path::new("/"),
            &[("PATH", "/usr/bin:/bin".as_ref()), ("EMPTY", "".as_ref())],
        );
        let text = machine.output(&mut machine.command("env")).unwrap();
        assert!(text.contains("EMPTY=") && !text.contains("HOME="), "{text}");
        assert_eq!(machine.variable("EMPTY"), None);
    }
}
