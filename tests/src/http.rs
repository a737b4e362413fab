//! The HTTP client.

use std::path::Path;

use reqwest::{Certificate, ClientBuilder};

/// A client without a proxy.
pub fn http_client() -> ClientBuilder {
    // Fails if another test of this process has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}

/// Same as [`http_client`], for a program whose certificate is signed by this CA.
/// Responses carry the server's certificate.
///
/// # Panics
/// If the CA certificate cannot be read.
pub fn https_client(ca: &Path) -> ClientBuilder {
    let pem = std::fs::read(ca).expect("the CA certificate");
    let ca = Certificate::from_pem(&pem).expect("a certificate");
    http_client().tls_certs_only([ca]).tls_info(true)
}
