//! The programs that are measured.

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

use crate::{bare, body::Format, database::Place, http::Client, options::Options};

/// The longest that a start may take: a migration of the whole history.
const START: Duration = Duration::from_secs(600);

/// A running program; it ends with this value.
#[derive(Debug)]
pub(crate) struct Target {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From the start of the process until it said that it is ready.
    pub(crate) start: Duration,
    /// Every process whose work is for this program.
    pub(crate) pids: Vec<u32>,
    /// Where it takes alerts.
    pub(crate) path: &'static str,
    pub(crate) format: Format,
    /// What opens its history to readers; empty where nothing is closed.
    token: String,
}

impl Target {
    /// Tocsin with its default settings, but for `settings`, and without a limit
    /// to how often one reader may ask.
    pub(crate) fn tocsin(
        options: &Options,
        place: &Place,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(&options.server);
        command
            .args(["serve", "--listen", &address.to_string(), "--data-dir"])
            .arg(&place.folder)
            .args(["--database-url", &place.url])
            .env("TOCSIN_LIMITS_REQUESTS_PER_SECOND", "0")
            .envs(settings.iter().copied());
        let mut target = Self::start(command, &place.folder, address, "/readyz")?;
        target.token = reader_token(options, place)?;
        target.path = "/api/v1/webhooks/alertmanager";
        target.pids.extend(place.server_pid);
        Ok(target)
    }

    /// The real Alertmanager, alone and in memory, where it is installed.
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

    /// The handler that only reads and parses.
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
            .context("the bare handler has no port")?;
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
            .with_context(|| format!("{} does not start", command.get_program().display()))?;
        while !is_ready(address, ready) {
            let failed = match child.try_wait()? {
                Some(status) => Some(format!("ended with {status}")),
                None if since.elapsed() > START => Some("does not get ready".to_owned()),
                None => None,
            };
            if let Some(failed) = failed {
                let _ = child.kill();
                let said = fs::read_to_string(&log).unwrap_or_default();
                bail!("{} {failed}:\n{said}", command.get_program().display());
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

    /// A reader of its history.
    pub(crate) fn reader(&self) -> Client {
        Client::new(self.address).with_token(&self.token)
    }

    /// The program's own process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as a service manager does, and waits.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status()?;
        ensure!(asked.success(), "process {pid} cannot be ended");
        let since = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(
                since.elapsed() < Duration::from_secs(60),
                "process {pid} does not end"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // Both do nothing to a program that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A token to read with, as a user makes one: at the command line, beside the
/// running program.
fn reader_token(options: &Options, place: &Place) -> anyhow::Result<String> {
    let made = Command::new(&options.server)
        .args(["token", "add", "--name", "bench", "--scope", "read"])
        .arg("--data-dir")
        .arg(&place.folder)
        .args(["--database-url", &place.url])
        .current_dir(&place.folder)
        .stdin(Stdio::null())
        .output()?;
    ensure!(
        made.status.success(),
        "no token was made: {}",
        String::from_utf8_lossy(&made.stderr)
    );
    Ok(String::from_utf8(made.stdout)?.trim().to_owned())
}

fn is_ready(address: SocketAddr, path: &str) -> bool {
    // A try without a connection is over at once; most tries are.
    TcpStream::connect(address).is_ok()
        && Client::new(address)
            .get(path)
            .is_ok_and(|answer| answer.status == 200)
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
