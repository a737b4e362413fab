//! TLS. A renewed certificate is used for new connections, without a restart and without closing
//! connections.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{ConfigError, Tls};
use crate::http::Chain;

/// Interval of checking the files. A signal (SIGHUP) checks them at once.
const EVERY: Duration = Duration::from_secs(5);

/// The certificate of new connections.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: Tls,
    shown: RwLock<Shown>,
}

#[derive(Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    /// Hash of the files at the last check, valid or not, so that an error is logged once.
    found: [u8; 32],
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// The files are invalid.
    pub(crate) fn read(files: &Tls) -> Result<Self, ConfigError> {
        let texts = Texts::read(files)?;
        Ok(Self {
            files: files.clone(),
            shown: RwLock::new(Shown {
                key: Arc::new(texts.key(files)?),
                found: texts.hash(),
            }),
        })
    }

    /// Checks the files periodically and on SIGHUP, as long as it is polled.
    pub(crate) async fn follow(&self) {
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => Some(hangup),
            Err(error) => {
                tracing::warn!(%error, "cannot handle SIGHUP; certificate files are only checked periodically");
                None
            }
        };
        loop {
            let hangup = async {
                match &mut hangup {
                    // Ends only with the program.
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                _ = hangup => {}
            }
            self.reload();
        }
    }

    /// Loads changed files, if valid; otherwise the previous certificate stays in use.
    fn reload(&self) {
        let found = Texts::read(&self.files);
        let hash = match &found {
            Ok(texts) => texts.hash(),
            Err(error) => *blake3::hash(error.to_string().as_bytes()).as_bytes(),
        };
        if self
            .shown
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .found
            == hash
        {
            return;
        }
        let key = found.and_then(|texts| texts.key(&self.files));
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        shown.found = hash;
        match key {
            Ok(key) => {
                shown.key = Arc::new(key);
                tracing::info!("a new TLS certificate is in use");
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the new TLS certificate is invalid; the previous one stays in use");
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&shown.key))
    }
}

/// TLS settings of the server: TLS 1.2 and 1.3.
///
/// # Errors
/// Never with the ciphers of this program.
pub(crate) fn server_config(certificate: Arc<Certificate>) -> Result<ServerConfig, rustls::Error> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    Ok(config)
}

/// Contents of the two files.
struct Texts {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Texts {
    fn read(files: &Tls) -> Result<Self, ConfigError> {
        let read = |key: &str, path: &Path| {
            std::fs::read(path)
                .map_err(|error| ConfigError::new(key, format!("{}: {error}", path.display())))
        };
        Ok(Self {
            chain: read(CERT_FILE, &files.cert_file)?,
            key: read(KEY_FILE, &files.key_file)?,
        })
    }

    fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(blake3::hash(&self.chain).as_bytes());
        hasher.update(blake3::hash(&self.key).as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// Parses the chain with its key. Errors do not quote the files.
    fn key(&self, files: &Tls) -> Result<CertifiedKey, ConfigError> {
        let chain: Result<Vec<_>, pem::Error> =
            CertificateDer::pem_slice_iter(&self.chain).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| {
            let path = files.cert_file.display();
            let message =
                format!("expected certificates as PEM, the server's own first, in {path}");
            ConfigError::new(CERT_FILE, message)
        })?;
        let path = files.key_file.display();
        let wrong_key = || {
            let message = format!("expected a private key as PEM, without a password, in {path}");
            ConfigError::new(KEY_FILE, message)
        };
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| wrong_key())?;
        let provider = ring::default_provider();
        CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => ConfigError::new(
                KEY_FILE,
                format!(
                    "{path} is not the private key of the first certificate in server.tls.cert_file"
                ),
            ),
            rustls::Error::InvalidCertificate(_) => {
                ConfigError::new(CERT_FILE, format!("{}: {error}", files.cert_file.display()))
            }
            _ => wrong_key(),
        })
    }
}

const CERT_FILE: &str = "server.tls.cert_file";
const KEY_FILE: &str = "server.tls.key_file";

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};

    fn generate() -> (String, String) {
        let Made { cert, signing_key } =
            generate_simple_self_signed(["tocsin.example.com".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    fn write(dir: &Path, cert: &str, key: &str) -> Tls {
        let files = Tls {
            cert_file: dir.join("tls.crt"),
            key_file: dir.join("tls.key"),
        };
        std::fs::write(&files.cert_file, cert).unwrap();
        std::fs::write(&files.key_file, key).unwrap();
        files
    }

    fn shown(certificate: &Certificate) -> Vec<u8> {
        certificate.shown.read().unwrap().key.cert[0].to_vec()
    }

    #[test]
    fn a_renewed_certificate_is_used_and_an_invalid_one_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = generate();
        let files = write(dir.path(), &cert, &key);
        let certificate = Certificate::read(&files).unwrap();
        let first = shown(&certificate);
        certificate.reload();
        assert_eq!(shown(&certificate), first);

        let (new_cert, new_key) = generate();
        // Half of the renewal: the pair does not match.
        write(dir.path(), &new_cert, &key);
        certificate.reload();
        assert_eq!(shown(&certificate), first);
        std::fs::remove_file(&files.key_file).unwrap();
        certificate.reload();
        assert_eq!(shown(&certificate), first);

        write(dir.path(), &new_cert, &new_key);
        certificate.reload();
        assert_ne!(shown(&certificate), first);
    }

    #[test]
    fn invalid_files_are_named_but_not_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = generate();
        let (_, other) = generate();
        for (cert, key, expected) in [
            (
                "",
                key.as_str(),
                "server.tls.cert_file: expected certificates",
            ),
            (
                key.as_str(),
                key.as_str(),
                "server.tls.cert_file: expected certificates",
            ),
            (
                cert.as_str(),
                "hunter2",
                "server.tls.key_file: expected a private key",
            ),
            (
                cert.as_str(),
                cert.as_str(),
                "server.tls.key_file: expected a private key",
            ),
            (cert.as_str(), other.as_str(), "server.tls.key_file: "),
        ] {
            let files = write(dir.path(), cert, key);
            let error = Certificate::read(&files).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
            assert!(
                !error.contains("hunter2") && !error.contains("BEGIN"),
                "{error}"
            );
        }
        let missing = Tls {
            cert_file: dir.path().join("none.crt"),
            key_file: dir.path().join("none.key"),
        };
        let error = Certificate::read(&missing).unwrap_err().to_string();
        assert!(error.starts_with("server.tls.cert_file: "), "{error}");
    }
}
