//! Identification of the caller by token, proxy header or session.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::task::Poll;

use actix_web::http::header::{self, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tocsin_pipeline::accounts::{AuthError, ClientInfo, ExternalError, Identity};
use tocsin_storage::Outage;
use tocsin_storage::enums::{Access, ActorKind};

use super::caller::Caller;
use super::client_ip::Origin;
use super::cookies::{CookieName, Jar};
use super::csrf;
use super::problem::{ApiError, ProblemKind};
use super::proxy;
use super::state::AppState;
use crate::config::{ProxySettings, SourceName};

/// Identifies the caller of a webhook.
///
/// # Errors
/// [`ProblemKind::Unauthorized`] or [`ProblemKind::Forbidden`], and
/// [`ProblemKind::Unavailable`] if the database is required but unavailable: senders retry
/// after that one only.
pub(crate) async fn sender(
    state: &AppState,
    host: &str,
    headers: &HeaderMap,
    origin: Origin,
) -> Result<Caller, ApiError> {
    let Some(token) = token(headers) else {
        if is_open(state).await? {
            csrf::check_open(host, headers)?;
            return Ok(Caller::anonymous(origin.client));
        }
        return Err(match cookie(state, headers, origin) {
            Some(_) => ApiError::new(ProblemKind::Forbidden, INGEST_TOKEN_REQUIRED),
            None => missing(
                "Send an ingest token as \"Authorization: Bearer TOKEN\" or as the password of HTTP Basic.",
            ),
        });
    };
    let caller = by_token(state, &token?, origin).await?;
    if can_ingest(&caller) {
        return Ok(caller);
    }
    Err(ApiError::new(ProblemKind::Forbidden, INGEST_TOKEN_REQUIRED))
}

const INGEST_TOKEN_REQUIRED: &str = "The webhook requires an ingest token (scope `ingest`).";

/// Whether the webhook accepts requests without a token: the server listens on loopback
/// only, and no ingest token exists.
///
/// # Errors
/// [`ProblemKind::Unavailable`], or another error of the database.
pub(crate) async fn is_open(state: &AppState) -> Result<bool, ApiError> {
    if !state.settings.is_on_loopback() || state.static_tokens.has_sender() {
        return Ok(false);
    }
    let accounts = state.accounts.clone();
    match in_time(state, async move { accounts.has_ingest_token().await }).await {
        Some(Ok(has_token)) => Ok(!has_token),
        Some(Err(error)) => Err(error.into()),
        None => Err(unavailable(state)),
    }
}

/// Identifies the caller by token, otherwise by proxy header, otherwise by session cookie.
/// Returns `None` for a request without credentials.
///
/// # Errors
/// The credential is invalid, or the database is unavailable.
pub(crate) async fn caller(
    state: &AppState,
    host: &str,
    headers: &HeaderMap,
    origin: Origin,
) -> Result<Option<Caller>, ApiError> {
    if let Some(token) = token(headers) {
        return by_token(state, &token?, origin).await.map(Some);
    }
    if let Some(settings) = &state.settings.auth.proxy
        && let Some(caller) = by_proxy(state, settings, (host, headers), origin).await?
    {
        return Ok(Some(caller));
    }
    let Some(secret) = cookie(state, headers, origin) else {
        return Ok(None);
    };
    let (accounts, secret) = (state.accounts.clone(), secret.to_owned());
    let found = in_time(
        state,
        async move { accounts.identify_session(&secret).await },
    );
    match found.await {
        Some(Ok(identity)) => Ok(Some(authenticated(identity, origin)?)),
        Some(Err(AuthError::Unavailable(error))) => Err(error.into()),
        None => Err(unavailable(state)),
        Some(Err(AuthError::Disabled)) => Err(missing("The account is disabled.")),
        Some(Err(AuthError::Unknown | AuthError::Expired(_) | AuthError::Revoked(_))) => {
            Err(missing("The session has ended. Sign in again."))
        }
    }
}

/// The credential is missing or invalid.
pub(crate) fn missing(detail: impl Into<String>) -> ApiError {
    ApiError::new(ProblemKind::Unauthorized, detail)
}

/// Whether a caller may send alerts to the webhook.
fn can_ingest(caller: &Caller) -> bool {
    match &caller.identity {
        Some(identity) => identity.access == Access::Ingest,
        None => caller.actor.kind == ActorKind::Token && caller.role.is_none(),
    }
}

async fn by_token(state: &AppState, token: &str, origin: Origin) -> Result<Caller, ApiError> {
    let digest = *blake3::hash(token.as_bytes()).as_bytes();
    if let Some(static_token) = state.static_tokens.find(&digest) {
        return Ok(static_token.caller(origin));
    }
    let (accounts, secret) = (state.accounts.clone(), token.to_owned());
    let found = in_time(state, async move { accounts.identify_token(&secret).await });
    let time = |at: tocsin_core::time::Timestamp| at.to_datetime().format("%Y-%m-%dT%H:%M:%SZ");
    match found.await {
        Some(Ok(identity)) => authenticated(identity, origin),
        // During a database outage, recently used tokens remain valid, for example to
        // scrape the metrics.
        None | Some(Err(AuthError::Unavailable(_))) => match state.accounts.remember_token(token) {
            Some(identity) => authenticated(identity, origin),
            None => Err(unavailable(state)),
        },
        Some(Err(AuthError::Unknown)) => Err(missing("The token is invalid.")),
        Some(Err(AuthError::Expired(at))) => Err(missing(format!(
            "The token expired at {}. An administrator can create a new one.",
            time(at)
        ))),
        Some(Err(AuthError::Revoked(at))) => Err(missing(format!(
            "The token was revoked at {}. An administrator can create a new one.",
            time(at)
        ))),
        Some(Err(AuthError::Disabled)) => Err(missing("The token is disabled.")),
    }
}

async fn by_proxy(
    state: &AppState,
    settings: &ProxySettings,
    (host, headers): (&str, &HeaderMap),
    origin: Origin,
) -> Result<Option<Caller>, ApiError> {
    let Some(peer) = origin.peer else {
        return Ok(None);
    };
    let public_url = state.settings.public_url.as_ref();
    let user = proxy::external(settings, peer, headers).and_then(|user| match user {
        Some(_) if !csrf::is_own_host(host, public_url) => Err(proxy::Error::Host),
        user => Ok(user),
    });
    let user = match user {
        Ok(Some(user)) => user,
        Ok(None) => return Ok(None),
        Err(proxy::Error::NotAllowed) => {
            return Err(ApiError::new(
                ProblemKind::Forbidden,
                proxy::Error::NotAllowed.to_string(),
            ));
        }
        Err(error) => {
            // The proxy is misconfigured, or this is an attack.
            tracing::warn!(%error, "the sign-in header of a proxy was rejected");
            return Err(missing(error.to_string()));
        }
    };
    let agent = headers.get(header::USER_AGENT);
    let agent = agent.map_or(&b""[..], |value| value.as_bytes());
    let client = ClientInfo {
        address: origin.client,
        user_agent: String::from_utf8_lossy(agent).into_owned(),
    };
    let accounts = state.accounts.clone();
    let found = in_time(state, async move {
        accounts.external_user(&user, &client).await
    });
    match found.await {
        Some(Ok(identity)) => authenticated(identity, origin).map(Some),
        Some(Err(ExternalError::Storage(error))) => Err(error.into()),
        None => Err(unavailable(state)),
        Some(Err(error)) => Err(ApiError::new(
            ProblemKind::Forbidden,
            format!("Sign-in by proxy header failed: {error}."),
        )),
    }
}

fn authenticated(identity: Arc<Identity>, origin: Origin) -> Result<Caller, ApiError> {
    let source = identity.source.clone().map(SourceName::try_from);
    // Stored names were valid when they were stored.
    let source = source
        .transpose()
        .map_err(|error| ApiError::new(ProblemKind::Internal, error))?;
    Ok(Caller {
        actor: identity.actor(origin.client),
        role: identity.role(),
        visibility: identity.visibility.clone(),
        session_id: identity.session_id,
        source,
        identity: Some(identity),
    })
}

fn cookie<'a>(state: &AppState, headers: &'a HeaderMap, origin: Origin) -> Option<&'a str> {
    Jar::new(origin.is_secure, state.prefix()).read(CookieName::Session, headers)
}

/// Token of a request: a Bearer token, or the password of HTTP Basic with any user name.
fn token(headers: &HeaderMap) -> Option<Result<Cow<'_, str>, ApiError>> {
    let value = headers.get(header::AUTHORIZATION)?;
    Some(parse(value.as_bytes()).ok_or_else(|| {
        missing("The header Authorization must be \"Bearer TOKEN\", or HTTP Basic with the token as the password.")
    }))
}

fn parse(value: &[u8]) -> Option<Cow<'_, str>> {
    let space = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = value.split_at(space);
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(String::from_utf8_lossy(rest));
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let pair = STANDARD.decode(rest).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(
        String::from_utf8_lossy(&pair[colon + 1..])
            .into_owned()
            .into(),
    )
}

/// Returns the result, or `None` if the database stops answering. A query then continues in
/// the background: dropping it could break its connection. Results from memory need no
/// database.
async fn in_time<T: 'static>(
    state: &AppState,
    lookup: impl Future<Output = T> + 'static,
) -> Option<T> {
    let health = state.db.health();
    if !health.is_watched() {
        return Some(lookup.await);
    }
    let mut lookup = Box::pin(lookup);
    if let Poll::Ready(result) = futures::poll!(lookup.as_mut()) {
        return Some(result);
    }
    let lookup = actix_web::rt::spawn(lookup);
    tokio::select! {
        biased;
        result = lookup => result.ok(),
        () = health.unavailable() => None,
    }
}

fn unavailable(state: &AppState) -> ApiError {
    match state.db.health().outage() {
        Some(outage @ Outage::File(_)) => ApiError::outage(&outage),
        Some(Outage::NoAnswer) | None => ApiError::new(
            ProblemKind::Unavailable,
            "The credential cannot be checked, because the database does not answer. Try again.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn secret(authorization: &'static str) -> Option<Option<String>> {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_static(authorization),
        );
        token(&headers).map(|token| token.ok().map(Cow::into_owned))
    }

    #[test]
    fn tokens_are_read_from_bearer_and_basic() {
        let good = Some(Some("free".to_owned()));
        assert_eq!(secret("Bearer free"), good);
        assert_eq!(secret("bearer  free "), good);
        // any:free, and :free
        assert_eq!(secret("Basic YW55OmZyZWU="), good);
        assert_eq!(secret("basic OmZyZWU="), good);
        for bad in ["Digest x", "Basic !", "Basic YW55", "free", ""] {
            assert_eq!(secret(bad), Some(None), "{bad:?}");
        }
        assert!(token(&HeaderMap::new()).is_none());
    }
}
