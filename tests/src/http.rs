//! The client of all requests.

use std::path::Path;

use reqwest::{Certificate, ClientBuilder};

/// A client that asks the programs on this machine directly.
pub fn http_client() -> ClientBuilder {
    // Refused where another test of this process was quicker.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}

/// As [`http_client`], for a program whose certificate this authority signed. It
/// says which one it was shown.
///
/// # Panics
/// The authority's certificate cannot be read.
pub fn https_client(ca: &Path) -> ClientBuilder {
    let pem = std::fs::read(ca).expect("the authority's certificate");
    let ca = Certificate::from_pem(&pem).expect("a certificate");
    http_client().tls_certs_only([ca]).tls_info(true)
}
