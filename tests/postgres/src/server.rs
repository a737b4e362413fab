//! The PostgreSQL server that the tests of this machine share.
//!
//! Two file locks, which the system releases when a process dies: every process that uses
//! the server holds `users` as a shared lock, and the reaper takes it exclusively before it
//! stops the server; `starting` is held while checking whether the server must be started.

use std::fs::{self, DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::programs;

/// How often the reaper checks whether the server is in use.
const REAP_EVERY_SECONDS: u32 = 20;

/// A running server; it is not stopped while this value exists.
#[derive(Debug)]
pub(crate) struct Server {
    /// Its administrative database.
    pub(crate) url: String,
    _in_use: Option<File>,
}

impl Server {
    /// A server that is managed elsewhere.
    pub(crate) fn elsewhere(url: String) -> Self {
        Self { url, _in_use: None }
    }

    /// The shared server; starts it if necessary.
    pub(crate) fn here() -> Self {
        let home = home();
        let in_use = lock_file(&home, "users");
        in_use
            .lock_shared()
            .expect("the lock of the test server's users");
        let starting = lock_file(&home, "starting");
        starting
            .lock()
            .expect("the lock of the test server's start");
        let socket = home.join("server");
        if !answers(&socket) {
            start(&home, &socket);
        }
        Self {
            url: url(&socket),
            _in_use: Some(in_use),
        }
    }
}

/// A directory of this user's, with a short path: sockets allow 107 bytes.
fn home() -> PathBuf {
    let me = uid();
    let home = std::env::temp_dir().join(format!("tocsin-test-postgres-{me}"));
    // It may be there already; whose it is matters.
    let _ = DirBuilder::new().mode(0o755).create(&home);
    let found = fs::symlink_metadata(&home).expect("a directory for the test server");
    assert!(
        found.is_dir() && found.uid() == me,
        "{} is not this user's directory: remove it",
        home.display()
    );
    home
}

fn uid() -> u32 {
    fs::metadata("/proc/self").expect("/proc").uid()
}

fn lock_file(home: &Path, name: &str) -> File {
    let path = home.join(name);
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    options
        .open(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn answers(socket: &Path) -> bool {
    let status = Command::new(programs::find("pg_isready"))
        .args(["--quiet", "--timeout", "5", "--host"])
        .arg(socket)
        .status();
    status.is_ok_and(|status| status.success())
}

fn start(home: &Path, socket: &Path) {
    set_up(socket);
    run_it(socket);
    reap(home, socket);
}

/// A server of one test, which can stop and start it. Deleted on drop.
#[derive(Debug)]
pub(crate) struct Own {
    socket: PathBuf,
}

impl Own {
    pub(crate) fn start() -> Self {
        let socket = home().join(format!("own-{}", std::process::id()));
        set_up(&socket);
        run_it(&socket);
        Self { socket }
    }

    pub(crate) fn url(&self) -> String {
        url(&self.socket)
    }

    /// Kills the server, like a crash.
    pub(crate) fn crash(&self) {
        run(as_server("pg_ctl")
            .args(["stop", "--silent", "--mode=immediate", "--pgdata"])
            .arg(self.socket.join("data")));
    }

    pub(crate) fn run(&self) {
        run_it(&self.socket);
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // It may be stopped already.
        let _ = as_server("pg_ctl")
            .args(["stop", "--silent", "--mode=immediate", "--pgdata"])
            .arg(self.socket.join("data"))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let _ = fs::remove_dir_all(&self.socket);
    }
}

fn url(socket: &Path) -> String {
    format!(
        "postgres://postgres@localhost/postgres?host={}",
        socket.display()
    )
}

fn set_up(socket: &Path) {
    // What a server left behind that was killed, or a machine that went down.
    let _ = fs::remove_dir_all(socket);
    fs::create_dir(socket).expect("the test server's directory");
    fs::set_permissions(socket, Permissions::from_mode(0o700)).expect("its permissions");
    if uid() == 0 {
        run(Command::new("chown").arg("postgres").arg(socket));
    }
    let data = socket.join("data");
    run(as_server("initdb").arg("--pgdata").arg(&data).args([
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    ]));
}

fn run_it(socket: &Path) {
    let data = socket.join("data");
    let options = format!(
        "-c listen_addresses='' -c unix_socket_directories='{}' -c max_connections=200",
        socket.display()
    );
    run(as_server("pg_ctl")
        .args([
            "start",
            "--wait",
            "--silent",
            "--options",
            &options,
            "--pgdata",
        ])
        .arg(&data)
        .arg("--log")
        .arg(socket.join("log")));
}

/// Starts a background process that stops the server once it is unused.
fn reap(home: &Path, socket: &Path) {
    let users = home.join("users");
    let stop = as_server("pg_ctl");
    let stop: Vec<_> = std::iter::once(stop.get_program())
        .chain(stop.get_args())
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let (users, socket, stop) = (users.display(), socket.display(), stop.join(" "));
    let script = format!(
        "while sleep {REAP_EVERY_SECONDS}; do \
           flock --exclusive --nonblock '{users}' sh -c \
             '{stop} stop --silent --mode=immediate --pgdata=\"{socket}/data\"; rm -rf \"{socket}\"' \
           && exit; \
         done"
    );
    // In a session of its own, so that stopping the tests does not stop it.
    Command::new("setsid")
        .args(["--fork", "sh", "-c", &script])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("setsid, of the package util-linux");
}

/// PostgreSQL refuses to run as root, so root lets its own user run it.
fn as_server(program: &str) -> Command {
    let program = programs::find(program);
    if uid() != 0 {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

fn run(command: &mut Command) {
    // A server that inherited our output would keep the test's reader waiting.
    let status = command
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap_or_else(|error| panic!("{:?} does not start: {error}", command.get_program()));
    assert!(
        status.success(),
        "{:?} failed: {status}",
        command.get_program()
    );
}
