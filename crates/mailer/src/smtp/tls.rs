//! Which certificates are trusted.

use std::path::Path;

use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};

use super::settings::{SettingsError, SmtpSettings};

/// Trusts the system's roots, or Mozilla's where the system has none (a minimal container), and
/// the configured file's.
///
/// lettre offers one of both stores, not their union, and its default never looks at Mozilla's
/// once it is built with `rustls-native-certs` (`client/tls.rs`, `build_rustls`, lettre 0.11.23);
/// without this look an empty system store would trust nobody.
pub(super) fn parameters(settings: &SmtpSettings) -> Result<TlsParameters, SettingsError> {
    let store = if rustls_native_certs::load_native_certs().certs.is_empty() {
        CertificateStore::WebpkiRoots
    } else {
        CertificateStore::Default
    };
    let mut builder = TlsParameters::builder(settings.host.clone()).certificate_store(store);
    if let Some(path) = &settings.ca_file {
        builder = builder.add_root_certificate(read(path)?);
    }
    builder
        .build()
        .map_err(|error| SettingsError::Tls(super::step::describe(&error)))
}

fn read(path: &Path) -> Result<Certificate, SettingsError> {
    let unusable = |reason: String| SettingsError::CaFile {
        path: path.to_owned(),
        reason,
    };
    let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    // An empty list of certificates is no error to lettre, and then nothing would be trusted.
    if !pem.windows(27).any(|w| w == b"-----BEGIN CERTIFICATE-----") {
        return Err(unusable("there is no PEM certificate in it".to_owned()));
    }
    Certificate::from_pem(&pem)
        .map_err(|_| unusable("a certificate in it cannot be read".to_owned()))
}
