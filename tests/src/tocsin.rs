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

/// One running program, with a folder and a database of its own. It ends with
/// this value.
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

/// What it has logged and printed, and whether anybody still reads that.
#[derive(Debug, Default)]
struct Log {
    text: Mutex<String>,
    reader: Mutex<Reader>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reader {
    #[default]
    Reads,
    /// Takes nothing any more, and stays.
    Hangs,
    Gone,
}

/// A start that takes longer hangs. The demo makes up its history first, which takes
/// ten seconds of a core, and several times that where the cores are busy.
const START_WITHIN: Duration = Duration::from_secs(240);

impl Tocsin {
    /// Starts one and waits until it is ready.
    ///
    /// # Panics
    /// It does not get ready; its log says why.
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
            let token = started.make_token(&["--role", "admin"]).await;
            started.options.admin = Some(token);
        }
        started
    }

    /// Makes a token at the command line, beside the running program, and
    /// returns its secret. `args` say what it opens, such as `--role viewer`.
    ///
    /// # Panics
    /// None is made.
    pub async fn make_token(&self, args: &[&str]) -> String {
        let mut all = vec!["token", "add", "--name", "tests"];
        all.extend(args);
        let made = self.command_line(&all, "").await;
        assert_eq!(made.code, Some(0), "{made:?}");
        made.stdout.trim().to_owned()
    }

    /// Runs the program's command line on the same folder and database, with
    /// the same settings, to its end. It reads `input`.
    pub async fn command_line(&self, args: &[&str], input: &str) -> Finished {
        let command = program(command(false), args, self.folder(), &self.options);
        let input = input.to_owned();
        let finished = tokio::task::spawn_blocking(move || finish(command, &input)).await;
        finished.expect("the command line")
    }

    /// The token of an administrator that the harness's own requests carry.
    ///
    /// # Panics
    /// Never: it is made at the start.
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

    /// An address of this program.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let scheme = match self.options.ca {
            Some(_) => "https",
            None => "http",
        };
        format!("{scheme}://127.0.0.1:{}{path}", self.port)
    }

    /// The client of the harness, for requests that it does not make by itself.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets it have the same port after a restart.
    pub fn keep_port(&mut self) {
        self.options.port = self.port;
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// How it was started.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The folder of this test.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where it keeps its data.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        data_dir(self.folder.path(), &self.options)
    }

    /// What it has logged and printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text.lock().unwrap().clone()
    }

    /// From the next line on nobody reads its log, but the pipe stays open.
    ///
    /// # Panics
    /// Never: nobody panics who holds the lock.
    pub fn stop_reading(&self) {
        *self.log.reader.lock().unwrap() = Reader::Hangs;
    }

    /// From the next line on its log has no reader any more.
    ///
    /// # Panics
    /// Never: nobody panics who holds the lock.
    pub fn close_log(&self) {
        *self.log.reader.lock().unwrap() = Reader::Gone;
    }

    /// Kills it as a power cut would: nothing is finished, nothing is told.
    ///
    /// # Panics
    /// It is gone already.
    pub fn kill9(&mut self) {
        self.child.kill().expect("the program is killed");
        self.child.wait().expect("the program is gone");
    }

    /// Starts it again after its end, on the same folder and database.
    ///
    /// # Panics
    /// It does not get ready.
    pub async fn restart(&mut self) {
        self.start_again();
        self.wait_until_ready().await;
    }

    /// As [`Tocsin::restart`], where something will keep it from being ready: when it
    /// answers, this may have been noticed or not.
    ///
    /// # Panics
    /// It does not answer.
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

    /// As [`Tocsin::restart`], with other settings.
    ///
    /// # Panics
    /// It does not get ready.
    pub async fn restart_with(&mut self, change: impl FnOnce(Options) -> Options) {
        self.options = change(self.options.clone());
        self.restart().await;
    }

    /// A second program on the same database, with a folder of its own.
    pub async fn replica(&self) -> Self {
        let mut options = self.options.clone();
        options.port = 0;
        Self::start(options).await
    }

    /// Lets no file of its grow beyond these bytes, as a full disk would;
    /// `None` makes room again.
    ///
    /// # Panics
    /// It was not started with a limited disk.
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

    /// Asks it to end, as a service manager does.
    ///
    /// # Panics
    /// It cannot be asked.
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.pid()]).status();
        assert!(status.expect("kill").success());
    }

    /// Tells it to look at its files again, as a service manager does.
    ///
    /// # Panics
    /// It cannot be told.
    pub fn reload(&self) {
        let status = Command::new("kill").args(["-HUP", &self.pid()]).status();
        assert!(status.expect("kill").success());
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
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
        // It may have ended already, which is as good.
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

/// The program with these arguments, on the test's folder and database, with its
/// settings.
fn program(mut command: Command, args: &[&str], folder: &Path, options: &Options) -> Command {
    let data_dir = data_dir(folder, options);
    command
        .args(args)
        .arg("--data-dir")
        .arg(&data_dir)
        .env("TOCSIN_LOG_FORMAT", "json")
        // Tests ask as fast as they can; those of the limits set their own.
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
    // By default the system picks a free port, and the log says which.
    let listen = format!("{}:{}", options.host, options.port);
    let args = ["serve", "--listen", &listen];
    let mut command = program(command(options.full_disk), &args, folder, options);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    gather(child.stderr.take().expect("standard error"), log);
    gather(child.stdout.take().expect("standard output"), log);
    child
}

/// Keeps what it says, line by line.
fn gather(from: impl Read + Send + 'static, log: &Arc<Log>) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut text = log.text.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
            drop(text);
            match *log.reader.lock().unwrap() {
                Reader::Reads => continue,
                Reader::Gone => return,
                Reader::Hangs => {}
            }
            loop {
                std::thread::park();
            }
        }
    });
}

/// The port in the line that says "serving".
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
