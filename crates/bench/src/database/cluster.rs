//! A PostgreSQL server with default settings, and so durable. Its data stays in
//! `target/bench` for the next run.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use sqlx::Connection as _;
use tocsin_machine::{Machine, POSTGRESQL};

use super::{Connection, require_accessible, runtime};

/// A running server. Stopped on drop.
#[derive(Debug)]
pub(crate) struct Cluster {
    programs: PathBuf,
    data: PathBuf,
    /// Directory of the socket. Short, because socket paths are limited to 107 bytes.
    socket: PathBuf,
    pid: u32,
}

impl Cluster {
    pub(crate) fn start(work: &Path) -> anyhow::Result<Self> {
        let programs = POSTGRESQL
            .find(&Machine::here())
            .context("PostgreSQL is required, except with --only sqlite")?
            .path;
        let home = work.join("postgres");
        let data = home.join("data");
        fs::create_dir_all(&home)?;
        let socket = std::env::temp_dir().join(format!("tocsin-bench-{}", std::process::id()));
        fs::create_dir_all(&socket)?;
        fs::set_permissions(&socket, Permissions::from_mode(0o700))?;
        if is_root() {
            require_accessible(&data)?;
            run(Command::new("chown")
                .arg("postgres")
                .arg(&home)
                .arg(&socket))?;
        }
        let mut cluster = Self {
            programs,
            data,
            socket,
            pid: 0,
        };
        if !cluster.data.join("PG_VERSION").exists() {
            run(cluster
                .program("initdb")
                .arg("--pgdata")
                .arg(&cluster.data)
                .args([
                    "--username=postgres",
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                ]))?;
        }
        let settings = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}'",
            cluster.socket.display()
        );
        let log = home.join("log");
        run(cluster
            .program("pg_ctl")
            .args([
                "start",
                "--wait",
                "--silent",
                "--options",
                &settings,
                "--pgdata",
            ])
            .arg(&cluster.data)
            .arg("--log")
            .arg(&log))
        .with_context(|| format!("PostgreSQL cannot be started, see {}", log.display()))?;
        let pid_file = fs::read_to_string(cluster.data.join("postmaster.pid"))?;
        cluster.pid = pid_file.lines().next().unwrap_or_default().trim().parse()?;
        Ok(cluster)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn url(&self, database: &str) -> String {
        let socket = self.socket.display();
        format!("postgres://postgres@localhost/{database}?host={socket}")
    }

    /// Runs a statement in the database `postgres`.
    pub(crate) fn admin(&self, sql: &str) -> anyhow::Result<()> {
        runtime()?.block_on(async {
            let connection = sqlx::PgConnection::connect(&self.url("postgres")).await?;
            Connection::Postgres(connection).run(sql).await
        })
    }

    /// A command for a PostgreSQL program. As root it is run by the user `postgres`, because
    /// PostgreSQL does not run as root.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The next start fails if the server could not be stopped.
        let _ = run(self
            .program("pg_ctl")
            .args(["stop", "--silent", "--mode=fast", "--pgdata"])
            .arg(&self.data));
        let _ = fs::remove_dir_all(&self.socket);
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
    ensure!(
        status.success(),
        "{} failed: {status}",
        command.get_program().display()
    );
    Ok(())
}
