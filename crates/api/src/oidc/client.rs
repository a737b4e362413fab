//! How the provider is asked: one HTTP client, and what is known of it.

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

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetUpError {
    #[error("auth.oidc.ca_file: cannot read certificates from {}: {reason}", path.display())]
    CaFile { path: PathBuf, reason: String },
    #[error("auth.oidc: cannot prepare TLS: {0}")]
    Tls(String),
    #[error("auth.oidc.issuer: {0}")]
    Issuer(String),
}

/// What a request may take, from the first byte to the last.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read. Keys and claims are a few kilobytes.
const MAX_ANSWER: usize = 1 << 20;

/// How long what the provider said of itself is believed without asking again.
const FRESH: Duration = Duration::from_secs(3600);

/// How long a provider that did not answer is not asked again, so that those
/// who wait behind one another are told at once.
const SULK: Duration = Duration::from_secs(3);

/// What the provider says of itself: its addresses, and its keys.
pub(super) struct CachedProvider {
    pub(super) metadata: CoreProviderMetadata,
    read_at: Instant,
}

/// The provider.
pub(super) struct Provider {
    issuer: IssuerUrl,
    http: reqwest::Client,
    /// Held while it is asked: one asks for all.
    memory: Mutex<ProviderCache>,
}

#[derive(Default)]
struct ProviderCache {
    known: Option<Arc<CachedProvider>>,
    failed: Option<(Instant, String)>,
}

impl Provider {
    pub(super) fn new(settings: &OidcSettings) -> Result<Self, SetUpError> {
        let issuer = IssuerUrl::new(settings.issuer.clone())
            .map_err(|error| SetUpError::Issuer(error.to_string()))?;
        let is_https = issuer.url().scheme() == "https";
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(settings)?)
            // A redirect would take the secret to wherever it points.
            .redirect(Policy::none())
            .referer(false)
            .timeout(TIMEOUT)
            .https_only(is_https);
        if !is_https {
            // Plain HTTP stays on this machine.
            http = http.no_proxy();
        }
        Ok(Self {
            issuer,
            http: http
                .build()
                .map_err(|error| SetUpError::Tls(Chain(&error).to_string()))?,
            memory: Mutex::default(),
        })
    }

    /// What the provider says of itself, read anew where that is old, or where
    /// `unfit` is what is known: a signature did not fit its keys. Where it does
    /// not answer, what was known before counts.
    ///
    /// # Errors
    /// [`Failure::Unavailable`].
    pub(super) async fn known(
        &self,
        unfit: Option<&Arc<CachedProvider>>,
    ) -> Result<Arc<CachedProvider>, Failure> {
        let mut memory = self.memory.lock().await;
        if let Some(known) = &memory.known
            && known.read_at.elapsed() < FRESH
            && unfit.is_none_or(|unfit| !Arc::ptr_eq(unfit, known))
        {
            return Ok(known.clone());
        }
        if let Some((at, error)) = &memory.failed
            && at.elapsed() < SULK
        {
            return match &memory.known {
                Some(known) => Ok(known.clone()),
                None => Err(Failure::Unavailable(error.clone())),
            };
        }
        let http = |request| self.send(request);
        match CoreProviderMetadata::discover_async(self.issuer.clone(), &http).await {
            Ok(metadata) => {
                let known = Arc::new(CachedProvider {
                    metadata,
                    read_at: Instant::now(),
                });
                memory.known = Some(known.clone());
                memory.failed = None;
                Ok(known)
            }
            Err(error) => {
                let error = Chain(&error).to_string();
                memory.failed = Some((Instant::now(), error.clone()));
                match &memory.known {
                    Some(known) => {
                        tracing::warn!(error, "the OpenID provider was not read anew");
                        Ok(known.clone())
                    }
                    None => Err(Failure::Unavailable(error)),
                }
            }
        }
    }

    /// One request, for the library. Does not borrow, because the library asks
    /// for a future that outlives the call.
    pub(super) fn send(
        &self,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, HttpError>> + Send + use<> {
        let http = self.http.clone();
        async move {
            let request = reqwest::Request::try_from(request)?;
            let mut answer = http.execute(request).await?;
            let mut body = Vec::new();
            while let Some(piece) = answer.chunk().await? {
                if body.len() + piece.len() > MAX_ANSWER {
                    return Err(HttpError::TooLong);
                }
                body.extend_from_slice(&piece);
            }
            let mut response = Response::new(body);
            *response.status_mut() = answer.status();
            *response.headers_mut() = std::mem::take(answer.headers_mut());
            Ok(response)
        }
    }
}

/// The provider was not reached, or stopped in its answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error(transparent)]
    Transport(#[from] reqwest::Error),
    #[error("the answer is longer than {MAX_ANSWER} bytes")]
    TooLong,
}

/// Trusts the system's roots, or Mozilla's where the system has none (a minimal
/// container), and those of `ca_file`: as for mail.
fn tls(settings: &OidcSettings) -> Result<ClientConfig, SetUpError> {
    let mut roots = RootCertStore::empty();
    let (known, _) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if known == 0 {
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
            return Err(unusable("there is no PEM certificate in it".to_owned()));
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

    /// An authority's certificate as PEM, and a server's settings with one of its.
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

    /// A provider that says who it is, by TLS; answers its address.
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
    async fn only_who_is_trusted_is_asked() {
        let (ca, config) = certificates();
        let issuer = serve(config);
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, ca).unwrap();
        let trusting = Provider::new(&settings(&issuer, Some(&ca_file))).unwrap();
        let known = trusting.known(None).await.unwrap();
        assert_eq!(known.metadata.issuer().as_str(), issuer);
        let again = trusting.known(None).await.unwrap();
        assert!(Arc::ptr_eq(&known, &again), "it is asked once");
        let anew = trusting.known(Some(&known)).await.unwrap();
        assert!(
            !Arc::ptr_eq(&known, &anew),
            "and again where its keys do not fit"
        );
        let strict = Provider::new(&settings(&issuer, None)).unwrap();
        let refused = strict.known(None).await.err();
        assert!(
            matches!(&refused, Some(Failure::Unavailable(why)) if why.contains("certificate")),
            "{refused:?}"
        );
    }

    #[test]
    fn a_file_without_certificates_is_refused_at_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let refused = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let made = Provider::new(&settings("https://login.example.com", Some(&file)));
            matches!(made, Err(SetUpError::CaFile { .. }))
        };
        assert!(refused(""));
        assert!(refused("no certificate"));
        assert!(refused(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        ));
    }
}
