//! The programs under test.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tocsin_machine::{ALERTMANAGER, Machine};

use crate::{bare, body::Format, database::DataDir, http::Client, options::Options};

/// Maximum startup time, which can include a migration of the whole history.
const START_TIMEOUT: Duration = Duration::from_secs(600);

/// A running program. Killed on drop.
#[derive(Debug)]
pub(crate) struct Target {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Time from the start of the process until it is ready.
    pub(crate) start: Duration,
    /// Process IDs of the program and its database server.
    pub(crate) pids: Vec<u32>,
    /// URL path for sending alerts.
    pub(crate) path: &'static str,
    pub(crate) format: Format,
    /// Token for reading. Empty if no authentication is required.
    token: String,
}

impl Target {
    /// Starts Tocsin with default settings, except for `settings` and the disabled rate
    /// limit.
    pub(crate) fn tocsin(
        options: &Options,
        data_dir: &DataDir,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(&options.server);
        command
            .args(["serve", "--listen", &address.to_string(), "--data-dir"])
            .arg(&data_dir.path)
            .args(["--database-url", &data_dir.url])
            .env("TOCSIN_LIMITS_REQUESTS_PER_SECOND", "0")
            .envs(settings.iter().copied());
        let mut target = Self::start(command, &data_dir.path, address, "/readyz")?;
        target.token = reader_token(options, data_dir)?;
        target.path = "/api/v1/webhooks/alertmanager";
        target.pids.extend(data_dir.server_pid);
        Ok(target)
    }

    /// Starts the real Alertmanager, as a single instance. `None` if it is not installed.
    pub(crate) fn alertmanager(options: &Options) -> anyhow::Result<Option<Self>> {
        let Ok(found) = ALERTMANAGER.find(&Machine::here()) else {
            return Ok(None);
        };
        let folder = options.work.join("alertmanager");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let config = folder.join("alertmanager.yml");
        fs::write(
            &config,
            "route: {receiver: inbox, group_by: [alertname], group_wait: 1s, group_interval: 5s, \
             repeat_interval: 1h}\nreceivers:\n- name: inbox\n",
        )?;
        let address = free_address()?;
        let mut command = Command::new(found.path);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--cluster.listen-address=", "--log.level=error"]);
        let mut target = Self::start(command, &folder, address, "/-/ready")?;
        target.path = "/api/v2/alerts";
        target.format = Format::Alertmanager;
        Ok(Some(target))
    }

    /// Starts the bare handler, which only reads and parses.
    pub(crate) fn bare_handler() -> anyhow::Result<Self> {
        let since = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .arg(bare::COMMAND)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let port = line
            .trim()
            .parse()
            .context("the bare handler did not print its port")?;
        Ok(Self {
            pids: vec![child.id()],
            child,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            start: since.elapsed(),
            path: "/",
            format: Format::Webhook,
            token: String::new(),
        })
    }

    fn start(
        mut command: Command,
        folder: &Path,
        address: SocketAddr,
        ready: &str,
    ) -> anyhow::Result<Self> {
        let log = folder.join("log");
        let since = Instant::now();
        let mut child = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        while !is_ready(address, ready) {
            let failed = match child.try_wait()? {
                Some(status) => Some(format!("exited with {status}")),
                None if since.elapsed() > START_TIMEOUT => Some("is not ready in time".to_owned()),
                None => None,
            };
            if let Some(failed) = failed {
                let _ = child.kill();
                let output = fs::read_to_string(&log).unwrap_or_default();
                bail!("{} {failed}:\n{output}", command.get_program().display());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(Self {
            pids: vec![child.id()],
            child,
            address,
            start: since.elapsed(),
            path: "/",
            format: Format::Webhook,
            token: String::new(),
        })
    }

    /// An HTTP client with read access.
    pub(crate) fn reader(&self) -> Client {
        Client::new(self.address).with_token(&self.token)
    }

    /// Process ID of the program.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops the program with SIGTERM, and waits for it to exit.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status()?;
        ensure!(status.success(), "process {pid} cannot be stopped");
        let since = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(
                since.elapsed() < Duration::from_secs(60),
                "process {pid} does not stop"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // Both have no effect if the program has exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Creates an API token for reading on the command line, while the server is running.
fn reader_token(options: &Options, data_dir: &DataDir) -> anyhow::Result<String> {
    let output = Command::new(&options.server)
        .args(["token", "add", "--name", "bench", "--scope", "read"])
        .arg("--data-dir")
        .arg(&data_dir.path)
        .args(["--database-url", &data_dir.url])
        .current_dir(&data_dir.path)
        .stdin(Stdio::null())
        .output()?;
    ensure!(
        output.status.success(),
        "no token was created: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn is_ready(address: SocketAddr, path: &str) -> bool {
    // A failed connection returns immediately, which is the most frequent case.
    TcpStream::connect(address).is_ok()
        && Client::new(address)
            .get(path)
            .is_ok_and(|response| response.status == 200)
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
