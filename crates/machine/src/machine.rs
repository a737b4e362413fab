//! The environment in which programs are looked up and run.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fmt,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

/// A file system root and environment variables: those of this process, or of a test.
#[derive(Debug, Clone)]
pub struct Machine {
    root: PathBuf,
    variables: BTreeMap<OsString, OsString>,
}

/// A command that failed. Displayed as a sentence without a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    /// Command line.
    pub command: String,
    /// Reason, such as the exit status.
    pub reason: String,
    /// Content of standard error.
    pub stderr: String,
}

impl CommandError {
    /// Last line of standard error, which has the cause for most programs. Without any
    /// output, the reason.
    #[must_use]
    pub fn last_line(&self) -> &str {
        self.stderr.lines().last().unwrap_or(&self.reason)
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.command, self.reason)?;
        match self.stderr.trim() {
            "" => Ok(()),
            text => write!(f, ": {text}"),
        }
    }
}

impl std::error::Error for CommandError {}

impl Machine {
    /// The machine that this process runs on.
    #[must_use]
    pub fn here() -> Self {
        Self {
            root: PathBuf::from("/"),
            variables: env::vars_os().collect(),
        }
    }

    /// A machine with its files below `root`, and only these environment variables.
    #[must_use]
    pub fn new(root: &Path, variables: &[(&str, &OsStr)]) -> Self {
        let pair = |&(name, value): &(&str, &OsStr)| (name.into(), value.to_owned());
        Self {
            root: root.to_owned(),
            variables: variables.iter().map(pair).collect(),
        }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Removes the environment variables whose name satisfies a predicate.
    #[must_use]
    pub fn without(mut self, is_unwanted: impl Fn(&str) -> bool) -> Self {
        self.variables
            .retain(|name, _| !name.to_str().is_some_and(&is_unwanted));
        self
    }

    /// Value of an environment variable. `None` if it is unset or empty.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        let value = self.variables.get(OsStr::new(name))?;
        Some(value.as_os_str()).filter(|value| !value.is_empty())
    }

    /// All environment variables.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Resolves an absolute path below the root of this machine.
    #[must_use]
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Programs with this name in `PATH`, in order.
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

    /// First program with this name in `PATH`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        self.all_in_path(name).into_iter().next()
    }

    /// A command with this machine's environment. A name without a slash is looked up
    /// in this machine's `PATH`.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let program = program.as_ref();
        let name = program.to_str().filter(|name| !name.contains('/'));
        let file = name.and_then(|name| self.find(name));
        let mut command = Command::new(file.as_deref().map_or(program, Path::as_os_str));
        command.env_clear().envs(&self.variables);
        command
    }

    /// Whether commands run as root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.output(self.command("id").arg("-u"))
            .is_ok_and(|id| id.trim() == "0")
    }

    /// Runs a command and returns its standard output.
    ///
    /// # Errors
    /// [`CommandError`] if the command does not start, or exits with a failure.
    pub fn output(&self, command: &mut Command) -> Result<String, CommandError> {
        let line = command_line(command);
        let failed = |reason, stderr: &[u8]| CommandError {
            command: line.clone(),
            reason,
            stderr: String::from_utf8_lossy(stderr).trim().to_owned(),
        };
        let output = command
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(format!("cannot be started ({error})"), b""))?;
        if !output.status.success() {
            return Err(failed(exit_reason(output.status), &output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Describes an exit status, such as `exited with status 1`.
fn exit_reason(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exited with status {code}"),
        None => format!("was terminated by a signal ({status})"),
    }
}

/// Command line of a command, without its environment.
#[must_use]
pub fn command_line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether this is an executable file.
pub(crate) fn is_program(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_error_includes_command_and_stderr() {
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
        assert!(failed.ends_with("exited with status 3: broken"), "{failed}");
        let absent = machine.output(&mut machine.command("no-such-program-here"));
        assert!(
            absent
                .unwrap_err()
                .to_string()
                .contains("cannot be started")
        );
    }

    #[test]
    fn programs_are_found_in_path_order() {
        let machine = Machine::here().with("PATH", "/nowhere:/usr/bin:/bin:/usr/bin");
        let found = machine.all_in_path("sh");
        assert_eq!(found.first(), Some(&PathBuf::from("/usr/bin/sh")));
        assert_eq!(found.len(), 2);
        assert!(machine.all_in_path("no-such-program-here").is_empty());
    }

    #[test]
    fn command_gets_only_the_variables_of_its_machine() {
        let machine = Machine::new(
            Path::new("/"),
            &[("PATH", "/usr/bin:/bin".as_ref()), ("EMPTY", "".as_ref())],
        );
        let text = machine.output(&mut machine.command("env")).unwrap();
        assert!(text.contains("EMPTY=") && !text.contains("HOME="), "{text}");
        assert_eq!(machine.variable("EMPTY"), None);
    }
}
