//! HTTP client for the provider, with a cache of its metadata.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use openidconnect::core::CoreProviderMetadata;
use openidconnect::http::Response;
use openidconnect::{HttpRequest, HttpResponse, IssuerUrl};
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Mutex;

use super::Failure;
use crate::config::OidcSettings;
use crate::http::Chain;

/// Invalid settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetUpError {
    #[error("auth.oidc.ca_file: cannot read certificates from {}: {reason}", path.display())]
    CaFile { path: PathBuf, reason: String },
    #[error("auth.oidc: cannot prepare TLS: {0}")]
    Tls(String),
    #[error("auth.oidc.issuer: {0}")]
    Issuer(String),
}

/// Maximum duration of a request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of a response. Keys and claims are a few kilobytes.
const MAX_RESPONSE: usize = 1 << 20;

/// Time for which the provider's metadata is cached.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// Time after a failed request during which the provider is not tried again, so that queued
/// sign-ins fail at once.
const RETRY_DELAY: Duration = Duration::from_secs(3);

/// Metadata of the provider: its endpoints and keys.
pub(super) struct CachedProvider {
    pub(super) metadata: CoreProviderMetadata,
    read_at: Instant,
}

/// Client of the provider.
pub(super) struct Provider {
    issuer: IssuerUrl,
    http: reqwest::Client,
    /// Locked during a request, so that one request serves all callers.
    cache: Mutex<ProviderCache>,
}

#[derive(Default)]
struct ProviderCache {
    cached: Option<Arc<CachedProvider>>,
    failed: Option<(Instant, String)>,
}

impl Provider {
    pub(super) fn new(settings: &OidcSettings) -> Result<Self, SetUpError> {
        let issuer = IssuerUrl::new(settings.issuer.clone())
            .map_err(|error| SetUpError::Issuer(error.to_string()))?;
        let is_https = issuer.url().scheme() == "https";
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(settings)?)
            // A redirect could send the secret elsewhere.
            .redirect(Policy::none())
            .referer(false)
            .timeout(TIMEOUT)
            .https_only(is_https);
        if !is_https {
            // Plain HTTP is for this machine only.
            http = http.no_proxy();
        }
        Ok(Self {
            issuer,
            http: http
                .build()
                .map_err(|error| SetUpError::Tls(Chain(&error).to_string()))?,
            cache: Mutex::default(),
        })
    }

    /// Returns the provider's metadata. It is read again if it is old or if the cached version is
    /// `outdated` (a signature did not match its keys). If the provider does not respond, the
    /// cached version is returned.
    ///
    /// # Errors
    /// [`Failure::Unavailable`].
    pub(super) async fn metadata(
        &self,
        outdated: Option<&Arc<CachedProvider>>,
    ) -> Result<Arc<CachedProvider>, Failure> {
        let mut cache = self.cache.lock().await;
        if let Some(cached) = &cache.cached
            && cached.read_at.elapsed() < MAX_AGE
            && outdated.is_none_or(|outdated| !Arc::ptr_eq(outdated, cached))
        {
            return Ok(cached.clone());
        }
        if let Some((at, error)) = &cache.failed
            && at.elapsed() < RETRY_DELAY
        {
            return match &cache.cached {
                Some(cached) => Ok(cached.clone()),
                None => Err(Failure::Unavailable(error.clone())),
            };
        }
        let http = |request| self.send(request);
        match CoreProviderMetadata::discover_async(self.issuer.clone(), &http).await {
            Ok(metadata) => {
                let cached = Arc::new(CachedProvider {
                    metadata,
                    read_at: Instant::now(),
                });
                cache.cached = Some(cached.clone());
                cache.failed = None;
                Ok(cached)
            }
            Err(error) => {
                let error = Chain(&error).to_string();
                cache.failed = Some((Instant::now(), error.clone()));
                match &cache.cached {
                    Some(cached) => {
                        tracing::warn!(
                            error,
                            "cannot refresh the metadata of the OpenID provider; using the cached version"
                        );
                        Ok(cached.clone())
                    }
                    None => Err(Failure::Unavailable(error)),
                }
            }
        }
    }

    /// Sends one request for the library. Does not borrow, because the library requires a future
    /// that outlives the call.
    pub(super) fn send(
        &self,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, HttpError>> + Send + use<> {
        let http = self.http.clone();
        async move {
            let request = reqwest::Request::try_from(request)?;
            let mut reply = http.execute(request).await?;
            let mut body = Vec::new();
            while let Some(piece) = reply.chunk().await? {
                if body.len() + piece.len() > MAX_RESPONSE {
                    return Err(HttpError::TooLong);
                }
                body.extend_from_slice(&piece);
            }
            let mut response = Response::new(body);
            *response.status_mut() = reply.status();
            *response.headers_mut() = std::mem::take(reply.headers_mut());
            Ok(response)
        }
    }
}

/// The provider was not reached, or its response is incomplete.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error(transparent)]
    Transport(#[from] reqwest::Error),
    #[error("the response is longer than {MAX_RESPONSE} bytes")]
    TooLong,
}

/// Trusts the system's roots, or Mozilla's if the system has none (a minimal container), and those
/// of `ca_file`, as for mail.
fn tls(settings: &OidcSettings) -> Result<ClientConfig, SetUpError> {
    let mut roots = RootCertStore::empty();
    let (added, _) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = &settings.ca_file {
        let unusable = |reason: String| SetUpError::CaFile {
            path: path.clone(),
            reason,
        };
        let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| unusable(error.to_string()))?;
            count += 1;
        }
        if count == 0 {
            return Err(unusable("it has no PEM certificate".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SetUpError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use actix_web::{App, HttpResponse, HttpServer, web};
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use serde_json::json;

    use super::*;

    fn settings(issuer: &str, ca_file: Option<&Path>) -> OidcSettings {
        OidcSettings {
            issuer: issuer.to_owned(),
            client_id: "tocsin".to_owned(),
            client_secret: None,
            name: "Example".to_owned(),
            scopes: vec!["openid".to_owned()],
            groups_claim: "groups".to_owned(),
            mapping: crate::config::GroupRoles::default(),
            ca_file: ca_file.map(Path::to_owned),
        }
    }

    /// A certificate authority as PEM, and server settings with a certificate signed by it.
    fn certificates() -> (String, ServerConfig) {
        let ca_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(params, ca_key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        (ca.pem(), config)
    }

    /// A TLS server with the provider's metadata; returns its URL.
    fn serve(config: ServerConfig) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!(
            "https://localhost:{}",
            listener.local_addr().unwrap().port()
        );
        let about = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        let server = HttpServer::new(move || {
            let about = about.clone();
            App::new()
                .route(
                    "/jwks",
                    web::get().to(async || web::Json(json!({"keys": []}))),
                )
                .default_service(web::to(move || {
                    let about = about.clone();
                    async move { HttpResponse::Ok().json(about) }
                }))
        });
        let server = server.workers(1).disable_signals();
        let server = server.listen_rustls_0_23(listener, config).unwrap();
        actix_web::rt::spawn(server.run());
        issuer
    }

    #[actix_web::test]
    async fn only_a_trusted_provider_is_used() {
        let (ca, config) = certificates();
        let issuer = serve(config);
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, ca).unwrap();
        let trusting = Provider::new(&settings(&issuer, Some(&ca_file))).unwrap();
        let cached = trusting.metadata(None).await.unwrap();
        assert_eq!(cached.metadata.issuer().as_str(), issuer);
        let again = trusting.metadata(None).await.unwrap();
        assert!(Arc::ptr_eq(&cached, &again), "the metadata is cached");
        let refreshed = trusting.metadata(Some(&cached)).await.unwrap();
        assert!(
            !Arc::ptr_eq(&cached, &refreshed),
            "an outdated version is refreshed"
        );
        let strict = Provider::new(&settings(&issuer, None)).unwrap();
        let error = strict.metadata(None).await.err();
        assert!(
            matches!(&error, Some(Failure::Unavailable(why)) if why.contains("certificate")),
            "{error:?}"
        );
    }

    #[test]
    fn a_file_without_certificates_is_rejected_at_startup() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let is_rejected = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let provider = Provider::new(&settings("https://login.example.com", Some(&file)));
            matches!(provider, Err(SetUpError::CaFile { .. }))
        };
        assert!(is_rejected(""));
        assert!(is_rejected("no certificate"));
        assert!(is_rejected(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        ));
    }
}
