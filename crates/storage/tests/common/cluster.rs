//! A throw-away PostgreSQL server.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, Weak};

/// One server, on a Unix socket in a directory of its own; both are gone when
/// this is dropped.
pub(crate) struct Cluster {
    pub(crate) url: String,
    programs: PathBuf,
    directory: tempfile::TempDir,
}

static RUNNING: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

impl Cluster {
    /// The server of this process, started by whoever asks first.
    pub(crate) fn shared() -> Arc<Self> {
        let mut running = RUNNING.lock().unwrap();
        if let Some(cluster) = running.upgrade() {
            return cluster;
        }
        let cluster = Arc::new(Self::start());
        *running = Arc::downgrade(&cluster);
        cluster
    }

    fn start() -> Self {
        let programs = programs();
        let directory = tempfile::tempdir().unwrap();
        // The server runs as another user where the tests run as root.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
        let socket = directory.path().display().to_string();
        let cluster = Self {
            url: format!("postgres://postgres@localhost/postgres?host={socket}"),
            programs,
            directory,
        };
        let data = cluster.directory.path().join("data");
        let data = data.display().to_string();
        cluster.run(
            "initdb",
            &[
                "--pgdata",
                &data,
                "--username",
                "postgres",
                "--auth",
                "trust",
                "--encoding",
                "UTF8",
                "--locale",
                "C.UTF-8",
                "--no-sync",
            ],
        );
        let log = format!("{socket}/log");
        let options = format!("-c listen_addresses='' -c unix_socket_directories='{socket}'");
        cluster.run(
            "pg_ctl",
            &[
                "--pgdata",
                &data,
                "--log",
                &log,
                "--options",
                &options,
                "--wait",
                "--silent",
                "start",
            ],
        );
        cluster
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = as_server(&self.programs.join(program));
        // A server that inherits our output would keep the test's reader waiting.
        let status = command
            .args(arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        let status = status.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        assert!(status.success(), "{program} failed: {status}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.directory.path().join("data");
        // Not asserted: a failing test is not to become an abort.
        let _ = as_server(&self.programs.join("pg_ctl"))
            .args(["--mode", "immediate", "--wait", "--silent", "--pgdata"])
            .arg(data)
            .arg("stop")
            .current_dir("/")
            .stdout(Stdio::null())
            .status();
    }
}

/// PostgreSQL refuses to run as root, so root lets its own user run it.
fn as_server(program: &Path) -> Command {
    let root =
        fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

/// The newest server's programs.
fn programs() -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<(u32, PathBuf)> = installed
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = found
        .into_iter()
        .rev()
        .map(|(_, bin)| bin)
        .chain(std::env::split_paths(&path));
    let mut complete = directories.filter(|bin| {
        ["initdb", "pg_ctl", "postgres"]
            .iter()
            .all(|program| bin.join(program).is_file())
    });
    complete.next().unwrap_or_else(|| {
        panic!(
            "initdb, pg_ctl and postgres are neither under /usr/lib/postgresql nor in PATH: \
             install the package postgresql, or set TOCSIN_TEST_POSTGRES to the address of a \
             server whose user may create databases"
        )
    })
}
