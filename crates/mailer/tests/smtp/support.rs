//! The real SMTP server of `tests/support/smtp_server.py`, its certificates, and the mails it
//! accepted.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tocsin_machine::{Machine, PYTHON_WITH_SMTP};
use tocsin_mailer::{OutgoingMail, Secret, SmtpSettings, TlsMode};

/// A running server, stopped on drop.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    pub(crate) maildir: PathBuf,
}

/// A message that the server accepted.
pub(crate) struct Accepted {
    pub(crate) envelope: serde_json::Value,
    pub(crate) message: Vec<u8>,
}

impl Server {
    /// Starts a server with its mails in `dir/mail` and further arguments.
    pub(crate) fn start(dir: &Path, args: &[&str]) -> Server {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/support/smtp_server.py");
        let maildir = dir.join("mail");
        let python = PYTHON_WITH_SMTP
            .find(&Machine::here())
            .unwrap_or_else(|error| panic!("{error}"));
        let mut child = Command::new(python.path)
            .arg(script)
            .arg("--maildir")
            .arg(&maildir)
            .arg("--exit-with-stdin")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the SMTP server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        if line.is_empty() {
            let mut error = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut error)
                .unwrap();
            panic!("the SMTP server did not start:\n{error}");
        }
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let port = ready["port"].as_u64().unwrap().try_into().unwrap();
        Server {
            child,
            port,
            maildir,
        }
    }

    /// Kills the server without closing its connections, and waits until it has exited.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The accepted mails, in order.
    pub(crate) fn accepted(&self) -> Vec<Accepted> {
        let mut names: Vec<PathBuf> = std::fs::read_dir(&self.maildir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect();
        names.sort();
        names
            .iter()
            .map(|path| Accepted {
                envelope: serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap(),
                message: std::fs::read(path.with_extension("eml")).unwrap(),
            })
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A certificate authority for this test, and a certificate for `localhost` signed by it.
pub(crate) struct Certificates {
    pub(crate) ca: PathBuf,
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificates {
    pub(crate) fn new(dir: &Path) -> Certificates {
        let ca_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(params, ca_key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let write = |name: &str, pem: String| {
            let path = dir.join(name);
            std::fs::write(&path, pem).unwrap();
            path
        };
        Certificates {
            ca: write("ca.pem", ca.pem()),
            cert: write("cert.pem", leaf.pem()),
            key: write("key.pem", key.serialize_pem()),
        }
    }

    /// Arguments of the server.
    pub(crate) fn args<'a>(&'a self, mode: &'a str) -> Vec<&'a str> {
        vec![
            "--tls",
            mode,
            "--cert",
            self.cert.to_str().unwrap(),
            "--key",
            self.key.to_str().unwrap(),
        ]
    }
}

/// Settings for a test server without TLS or AUTH.
pub(crate) fn settings(port: u16) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".to_owned(),
        port: Some(port),
        tls: TlsMode::None,
        username: None,
        password: None,
        timeout: Duration::from_secs(10),
        ca_file: None,
        hello_name: Some("tocsin.example.com".to_owned()),
    }
}

/// The same with TLS, trusting the test's authority, and with AUTH.
pub(crate) fn secure_settings(
    port: u16,
    tls: TlsMode,
    certificates: &Certificates,
) -> SmtpSettings {
    SmtpSettings {
        tls,
        ca_file: Some(certificates.ca.clone()),
        username: Some("tocsin".to_owned()),
        password: Some(Secret::new(PASSWORD)),
        ..settings(port)
    }
}

/// Password of the test servers.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Arguments of the server for AUTH.
pub(crate) const AUTH: [&str; 4] = ["--user", "tocsin", "--password", PASSWORD];

/// A small mail to this address.
pub(crate) fn mail(to: &str) -> OutgoingMail {
    OutgoingMail {
        from: "tocsin@example.com".to_owned(),
        to: to.to_owned(),
        subject: "DiskFull".to_owned(),
        message_id: "1@tocsin.example.com".to_owned(),
        date: chrono::DateTime::UNIX_EPOCH,
        message: format!(
            "To: {to}\r\nSubject: DiskFull\r\n\r\nfirst\r\n.\r\n..two dots\r\nlast\r\n"
        )
        .into_bytes(),
    }
}
