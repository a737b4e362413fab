//! The real Prometheus and Alertmanager, and an exporter for them to scrape.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tocsin_machine::{ALERTMANAGER, PROMETHEUS, Tool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{eventually, http_client, program};

/// A scrape target with services that the test can break.
#[derive(Debug)]
pub struct Exporter {
    address: String,
    /// Whether a service is broken, by team and instance.
    broken: Arc<Mutex<BTreeMap<(String, String), bool>>>,
}

impl Exporter {
    /// Starts an exporter with these services, all healthy.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn start(services: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let healthy =
            |(team, instance): &(&str, &str)| (((*team).to_owned(), (*instance).to_owned()), false);
        let broken = Arc::new(Mutex::new(services.iter().map(healthy).collect()));
        let state = Arc::clone(&broken);
        tokio::spawn(async move {
            loop {
                let Ok((mut connection, _)) = listener.accept().await else {
                    return;
                };
                let body = exposition(&state.lock().unwrap());
                tokio::spawn(async move {
                    let mut request = [0; 4_096];
                    // Every request is a scrape; a closed connection does not matter.
                    let _ = connection.read(&mut request).await;
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\
                         Content-Length: {}\r\nConnection: close\r\n\r\n",
                        body.len()
                    );
                    let _ = connection.write_all((head + &body).as_bytes()).await;
                });
            }
        });
        Self { address, broken }
    }

    /// Breaks or repairs all services of a team at once.
    pub fn set(&self, team: &str, is_broken: bool) {
        for ((of, _), broken) in self.broken.lock().unwrap().iter_mut() {
            if of == team {
                *broken = is_broken;
            }
        }
    }
}

fn exposition(services: &BTreeMap<(String, String), bool>) -> String {
    let line = |((team, instance), broken): (&(String, String), &bool)| {
        format!(
            "service_broken{{team=\"{team}\",instance=\"{instance}\"}} {}\n",
            i32::from(*broken)
        )
    };
    services.iter().map(line).collect()
}

/// A running Prometheus or Alertmanager; it stops when this value is dropped.
#[derive(Debug)]
pub struct Sender {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Sender {
    /// Debian's Alertmanager with this name, which posts to `url` with this token. It
    /// is not clustered.
    pub async fn alertmanager(name: &str, url: &str, token: &str) -> Self {
        let config = format!(
            "route:\n  receiver: tocsin\n  group_by: [alertname]\n  group_wait: 300ms\n  \
             group_interval: 1s\n  repeat_interval: 1h\n\
             receivers:\n- name: tocsin\n  webhook_configs:\n  - url: {url}\n    send_resolved: true\n    \
             http_config:\n      authorization:\n        credentials: {token}\n"
        );
        let external = format!("--web.external-url=http://{name}.example.com/");
        start(&ALERTMANAGER, &config, |port, folder| {
            vec![
                format!("--config.file={}", folder.join("config.yml").display()),
                format!("--storage.path={}", folder.join("data").display()),
                format!("--web.listen-address=127.0.0.1:{port}"),
                external.clone(),
                "--web.route-prefix=/".to_owned(),
                "--cluster.listen-address=".to_owned(),
            ]
        })
        .await
    }

    /// Debian's Prometheus, which scrapes the exporter and sends to these Alertmanagers.
    pub async fn prometheus(exporter: &Exporter, alertmanagers: &[&Self]) -> Self {
        let targets: Vec<String> = alertmanagers
            .iter()
            .map(|one| format!("\"127.0.0.1:{}\"", one.port))
            .collect();
        let config = format!(
            "global: {{scrape_interval: 300ms, scrape_timeout: 300ms, evaluation_interval: 300ms}}\n\
             rule_files: [rules.yml]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: [{}]}}]}}]}}\n\
             scrape_configs:\n- job_name: services\n  honor_labels: true\n  \
             static_configs: [{{targets: [\"{}\"]}}]\n",
            targets.join(", "),
            exporter.address
        );
        start(&PROMETHEUS, &config, |port, folder| {
            let rules = "groups:\n- name: services\n  rules:\n  - alert: ServiceBroken\n    \
                         expr: service_broken == 1\n    labels: {severity: critical}\n    \
                         annotations: {summary: '{{ $labels.instance }} is broken'}\n";
            std::fs::write(folder.join("rules.yml"), rules).expect("the rules");
            vec![
                format!("--config.file={}", folder.join("config.yml").display()),
                format!("--storage.tsdb.path={}", folder.join("data").display()),
                format!("--web.listen-address=127.0.0.1:{port}"),
                "--rules.alert.resend-delay=1s".to_owned(),
            ]
        })
        .await
    }
}

/// Starts the tool on a free port.
async fn start(tool: &Tool, config: &str, args: impl Fn(u16, &Path) -> Vec<String>) -> Sender {
    let http = http_client().build().expect("an HTTP client");
    for _ in 0..5 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("config.yml"), config).expect("the settings");
        let port = free_port();
        let child = spawn(tool, &args(port, folder.path()), folder.path());
        let sender = Mutex::new(Sender {
            child,
            folder,
            port,
        });
        // It exits at once if another process has taken its port.
        let is_ready = eventually(&format!("{} is ready", tool.name), || async {
            let ended = sender
                .lock()
                .unwrap()
                .child
                .try_wait()
                .expect("the program's state");
            if ended.is_some() {
                return Some(false);
            }
            let answer = http
                .get(format!("http://127.0.0.1:{port}/-/ready"))
                .send()
                .await;
            answer
                .is_ok_and(|answer| answer.status().is_success())
                .then_some(true)
        })
        .await;
        let sender = sender.into_inner().unwrap();
        if is_ready {
            return sender;
        }
        sender.print_log();
    }
    panic!("{} does not start", tool.name);
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

fn spawn(tool: &Tool, args: &[String], folder: &Path) -> Child {
    let log = std::fs::File::create(folder.join("log")).expect("a log");
    Command::new(program(tool))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("the log"))
        .stderr(log)
        .spawn()
        .expect("the program starts")
}

impl Sender {
    fn print_log(&self) {
        let log = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        // Ignored: the test has already failed.
        let _ = std::io::stderr().write_all(&log);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("──── the log of a sender on port {} ────", self.port);
            self.print_log();
        }
    }
}
