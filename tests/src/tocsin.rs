//! The running program.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Finished, command, finish, variable};
use crate::{Options, eventually, http_client, https_client, wait_until};

/// A running program with its own folder and database. It is killed when this value
/// is dropped.
#[derive(Debug)]
pub struct Tocsin {
    options: Options,
    /// Shared by programs on one folder.
    folder: Arc<TempDir>,
    child: Child,
    port: u16,
    log: Arc<Log>,
    pub(crate) http: reqwest::Client,
}

/// The program's log and output, and the state of its reader.
#[derive(Debug, Default)]
struct Log {
    text: Mutex<String>,
    reader: Mutex<Reader>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reader {
    #[default]
    Reading,
    /// Stops reading, but keeps the pipe open.
    Stalled,
    Closed,
}

/// Time limit of a start. The demo generates its history first, which takes ten
/// seconds of CPU time, and several times that on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(240);

impl Tocsin {
    /// Starts the program and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready; the message contains its log.
    pub async fn start(options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::start_in(Arc::new(folder), options).await
    }

    async fn start_in(folder: Arc<TempDir>, options: Options) -> Self {
        let log = Arc::<Log>::default();
        let child = spawn(folder.path(), &options, &log);
        let http = match &options.ca {
            Some(ca) => https_client(ca),
            None => http_client(),
        };
        let http = http.build().expect("an HTTP client");
        let mut started = Self {
            options,
            folder,
            child,
            port: 0,
            log,
            http,
        };
        started.wait_until_ready().await;
        if started.options.admin.is_none() {
            let token = started.create_token(&["--role", "admin"]).await;
            started.options.admin = Some(token);
        }
        started
    }

    /// Creates a token at the command line while the program runs, and returns its
    /// secret. `args` set its permissions, such as `--role viewer`.
    ///
    /// # Panics
    /// If it is not created.
    pub async fn create_token(&self, args: &[&str]) -> String {
        let mut all = vec!["token", "add", "--name", "tests"];
        all.extend(args);
        let finished = self.command_line(&all, "").await;
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.stdout.trim().to_owned()
    }

    /// Runs the program's command line to its end, with the same folder, database and
    /// settings. `input` is its standard input.
    pub async fn command_line(&self, args: &[&str], input: &str) -> Finished {
        let command = program(command(false), args, self.folder(), &self.options);
        let input = input.to_owned();
        let finished = tokio::task::spawn_blocking(move || finish(command, &input)).await;
        finished.expect("the command line")
    }

    /// The administrator token of the harness's own requests.
    ///
    /// # Panics
    /// Never: it is created at the start.
    #[must_use]
    pub fn admin(&self) -> &str {
        self.options.admin.as_deref().expect("the admin token")
    }

    async fn wait_until_ready(&mut self) {
        self.wait_for("/readyz").await;
    }

    async fn wait_for(&mut self, path: &str) {
        let log = Arc::clone(&self.log);
        let began = Instant::now();
        self.port = loop {
            if let Some(port) = announced_port(&log.text.lock().unwrap()) {
                break port;
            }
            let ended = self.child.try_wait().expect("the program's state");
            assert!(
                ended.is_none(),
                "the program ended at its start: {ended:?}\n{}",
                self.log()
            );
            assert!(
                began.elapsed() < START_WITHIN,
                "the program does not start\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let url = self.url(path);
        wait_until("the program answers", || async {
            let answer = self.http.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// A URL of this program.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let scheme = match self.options.ca {
            Some(_) => "https",
            None => "http",
        };
        format!("{scheme}://127.0.0.1:{}{path}", self.port)
    }

    /// The HTTP client of the harness, for requests that the harness has no method for.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Keeps the same port after a restart.
    pub fn keep_port(&mut self) {
        self.options.port = self.port;
    }

    /// Process ID.
    #[must_use]
    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// The options it was started with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The folder of this test.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        data_dir(self.folder.path(), &self.options)
    }

    /// The log and output so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text.lock().unwrap().clone()
    }

    /// Stops reading the log after the next line, but keeps the pipe open.
    ///
    /// # Panics
    /// If the lock is poisoned.
    pub fn stop_reading_log(&self) {
        *self.log.reader.lock().unwrap() = Reader::Stalled;
    }

    /// Closes the log's pipe after the next line.
    ///
    /// # Panics
    /// If the lock is poisoned.
    pub fn close_log(&self) {
        *self.log.reader.lock().unwrap() = Reader::Closed;
    }

    /// Kills the program with SIGKILL: it finishes nothing and closes nothing.
    ///
    /// # Panics
    /// If it is not running.
    pub fn kill9(&mut self) {
        self.child.kill().expect("the program is killed");
        self.child.wait().expect("the program ends");
    }

    /// Starts the program again on the same folder and database.
    ///
    /// # Panics
    /// If it does not become ready.
    pub async fn restart(&mut self) {
        self.start_again();
        self.wait_until_ready().await;
    }

    /// Same as [`Tocsin::restart`], for programs that will not stay ready. It returns once
    /// the program answers `/healthz`, whether or not the fault has been detected.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn restart_unready(&mut self) {
        self.start_again();
        self.wait_for("/healthz").await;
    }

    fn start_again(&mut self) {
        let ended = self.child.try_wait().expect("the program's state");
        assert!(ended.is_some(), "the program still runs");
        self.log = Arc::default();
        self.child = spawn(self.folder.path(), &self.options, &self.log);
    }

    /// Same as [`Tocsin::restart`], with other settings.
    ///
    /// # Panics
    /// If it does not become ready.
    pub async fn restart_with(&mut self, change: impl FnOnce(Options) -> Options) {
        self.options = change(self.options.clone());
        self.restart().await;
    }

    /// Starts a second program on the same database, with its own folder.
    pub async fn replica(&self) -> Self {
        let mut options = self.options.clone();
        options.port = 0;
        Self::start(options).await
    }

    /// Limits the size of every file of the program, as a full disk does; `None` lifts
    /// the limit.
    ///
    /// # Panics
    /// If it was not started with [`Options::with_limited_disk`].
    pub fn fill_disk(&self, bytes: Option<u64>) {
        assert!(self.options.full_disk, "the program would be killed");
        let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let status = Command::new("prlimit")
            .args(["--pid", &self.pid(), &format!("--fsize={limit}:unlimited")])
            .status();
        assert!(
            status
                .expect("prlimit, of the package util-linux")
                .success()
        );
    }

    /// Sends SIGTERM, as a service manager does.
    ///
    /// # Panics
    /// If the signal cannot be sent.
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.pid()]).status();
        assert!(status.expect("kill").success());
    }

    /// Sends SIGHUP, which reloads the program's files.
    ///
    /// # Panics
    /// If the signal cannot be sent.
    pub fn reload(&self) {
        let status = Command::new("kill").args(["-HUP", &self.pid()]).status();
        assert!(status.expect("kill").success());
    }

    /// Waits until the program exits.
    pub async fn wait_for_exit(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let child = Mutex::new(child);
        eventually("the program's end", || async {
            child
                .lock()
                .unwrap()
                .try_wait()
                .expect("the program's state")
        })
        .await
    }
}

impl Drop for Tocsin {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!(
                "──── the log of the program on port {} ────\n{}────",
                self.port,
                self.log()
            );
        }
    }
}

fn data_dir(folder: &Path, options: &Options) -> PathBuf {
    options
        .data_dir
        .clone()
        .unwrap_or_else(|| folder.join("data"))
}

/// The program's command with these arguments, on the test's folder and database, with
/// the test's settings.
fn program(mut command: Command, args: &[&str], folder: &Path, options: &Options) -> Command {
    let data_dir = data_dir(folder, options);
    command
        .args(args)
        .arg("--data-dir")
        .arg(&data_dir)
        .env("TOCSIN_LOG_FORMAT", "json")
        // Tests send requests as fast as they can; tests of the limits set their own.
        .env(variable("limits.requests_per_second"), "0")
        .current_dir(folder);
    if options.demo {
        command.arg("--demo");
    } else {
        command.args(["--database-url", &options.database.url(&data_dir)]);
    }
    for (key, value) in &options.settings {
        command.env(variable(key), value);
    }
    if let Some(toml) = &options.config {
        let file = folder.join("settings.toml");
        std::fs::write(&file, toml).expect("the settings file");
        command.arg("--config").arg(file);
    }
    command
}

fn spawn(folder: &Path, options: &Options, log: &Arc<Log>) -> Child {
    // By default the system picks a free port, which the program logs.
    let listen = format!("{}:{}", options.host, options.port);
    let args = ["serve", "--listen", &listen];
    let mut command = program(command(options.full_disk), &args, folder, options);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    collect_output(child.stderr.take().expect("standard error"), log);
    collect_output(child.stdout.take().expect("standard output"), log);
    child
}

/// Collects the output line by line.
fn collect_output(from: impl Read + Send + 'static, log: &Arc<Log>) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut text = log.text.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
            drop(text);
            match *log.reader.lock().unwrap() {
                Reader::Reading => continue,
                Reader::Closed => return,
                Reader::Stalled => {}
            }
            loop {
                std::thread::park();
            }
        }
    });
}

/// The port in the log line "serving".
fn announced_port(log: &str) -> Option<u16> {
    let mut lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find_map(|line| {
        let fields = line.get("fields").unwrap_or(&line);
        if fields.get("message")?.as_str()? != "serving" {
            return None;
        }
        let (_, port) = fields.get("address")?.as_str()?.rsplit_once(':')?;
        port.parse().ok()
    })
}
