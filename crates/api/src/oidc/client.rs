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
pub(super) struct Known {
    pub(super) metadata: CoreProviderMetadata,
    read_at: Instant,
}

/// The provider.
pub(super) struct Provider {
    issuer: IssuerUrl,
    http: reqwest::Client,
    /// Held while it is asked: one asks for all.
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    known: Option<Arc<Known>>,
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
    pub(super) async fn known(&self, unfit: Option<&Arc<Known>>) -> Result<Arc<Known>, Failure> {
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
                let known = Arc::new(Known {
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
