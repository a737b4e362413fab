//! Trusted certificates.

use std::path::Path;

use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};

use super::settings::{SettingsError, SmtpSettings};

/// Trusts the system's roots, or Mozilla's if the system has none (a minimal container), and those
/// of the configured file.
///
/// lettre offers either store, not their union, and its default never uses Mozilla's when built
/// with `rustls-native-certs` (`client/tls.rs`, `build_rustls`, lettre 0.11.23); without this check
/// an empty system store would trust no server.
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
    // lettre accepts an empty list of certificates, which would trust no server.
    if !pem.windows(27).any(|w| w == b"-----BEGIN CERTIFICATE-----") {
        return Err(unusable("it has no PEM certificate".to_owned()));
    }
    Certificate::from_pem(&pem).map_err(|_| unusable("it has an invalid certificate".to_owned()))
}
