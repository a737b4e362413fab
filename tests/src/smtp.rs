//! The real SMTP server of `tests/support/smtp_server.py`, and its certificates.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tocsin_machine::PYTHON_WITH_SMTP;

use crate::process::program;

/// A running server; it stops when this value is dropped.
#[derive(Debug)]
pub struct SmtpServer {
    child: Child,
    folder: TempDir,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl SmtpServer {
    /// A server that accepts every e-mail, without TLS.
    #[must_use]
    pub fn plain() -> Self {
        Self::start(&[])
    }

    /// A server that requires STARTTLS and AUTH.
    #[must_use]
    pub fn secure(certificates: &Certificates, user: &str, password: &str) -> Self {
        Self::start(&[
            "--tls",
            "starttls",
            "--cert",
            text(&certificates.cert),
            "--key",
            text(&certificates.key),
            "--user",
            user,
            "--password",
            password,
        ])
    }

    /// A server with these arguments.
    ///
    /// # Panics
    /// If it does not start; the message says what is missing.
    #[must_use]
    pub fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("support/smtp_server.py");
        let mut child = Command::new(program(&PYTHON_WITH_SMTP))
            .arg(script)
            .arg("--maildir")
            .arg(folder.path())
            .arg("--exit-with-stdin")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the SMTP server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("standard output");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("its first line");
        if line.is_empty() {
            let mut error = String::new();
            let mut stderr = child.stderr.take().expect("standard error");
            stderr.read_to_string(&mut error).expect("its error");
            panic!("the SMTP server did not start:\n{error}");
        }
        let ready: serde_json::Value = serde_json::from_str(&line).expect("its port");
        let port = ready["port"].as_u64().and_then(|port| port.try_into().ok());
        Self {
            child,
            folder,
            port: port.expect("its port"),
        }
    }

    /// The folder that it writes accepted e-mails to.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// A new certificate authority, and a certificate signed by it for `localhost` and
/// 127.0.0.1.
#[derive(Debug)]
pub struct Certificates {
    _folder: TempDir,
    /// CA certificate.
    pub ca: PathBuf,
    /// Server certificate.
    pub cert: PathBuf,
    /// Server key.
    pub key: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Certificates {
    /// Generates the certificates.
    ///
    /// # Panics
    /// If they cannot be written.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ca_key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params
            .self_signed(&ca_key)
            .expect("the authority's certificate");
        let issuer = Issuer::new(params, ca_key);
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("ca.pem"), ca.pem()).expect("a file");
        let made = Self {
            ca: path("ca.pem"),
            cert: path("cert.pem"),
            key: path("key.pem"),
            issuer,
            _folder: folder,
        };
        made.renew();
        made
    }

    /// Replaces the server certificate with a new one of the same CA.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn renew(&self) {
        let key = KeyPair::generate().expect("a key");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let leaf = CertificateParams::new(names).expect("parameters");
        let leaf = leaf
            .signed_by(&key, &self.issuer)
            .expect("the server's certificate");
        std::fs::write(&self.cert, leaf.pem()).expect("a file");
        std::fs::write(&self.key, key.serialize_pem()).expect("a file");
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}
