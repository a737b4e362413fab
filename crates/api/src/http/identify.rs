//! Who sends a request.

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

/// Who sends to the webhook.
///
/// # Errors
/// [`Kind::Unauthorized`], [`Kind::Forbidden`], and where the database is needed
/// and away [`Kind::Unavailable`]: a sender comes again then, and does not after
/// any other.
pub(crate) async fn sender(
    state: &AppState,
    host: &str,
    headers: &HeaderMap,
    origin: Origin,
) -> Result<Caller, ApiError> {
    let Some(shown) = shown(headers) else {
        if is_open(state).await? {
            csrf::check_open(host, headers)?;
            return Ok(Caller::anonymous(origin.client));
        }
        return Err(match cookie(state, headers, origin) {
            Some(_) => ApiError::new(ProblemKind::Forbidden, WEBHOOK_IS_FOR_TOKENS),
            None => missing(
                "Send an ingest token, as \"Authorization: Bearer TOKEN\" or as the password of basic auth.",
            ),
        });
    };
    let caller = by_token(state, &shown?, origin).await?;
    if opens_webhook(&caller) {
        return Ok(caller);
    }
    Err(ApiError::new(ProblemKind::Forbidden, WEBHOOK_IS_FOR_TOKENS))
}

const WEBHOOK_IS_FOR_TOKENS: &str =
    "Alerts are delivered with an ingest token (scope `ingest`) only.";

/// Whether deliveries need no token: nobody else can reach this server, and
/// there is none.
///
/// # Errors
/// What the database answers.
pub(crate) async fn is_open(state: &AppState) -> Result<bool, ApiError> {
    if !state.settings.is_on_loopback() || state.provisioned.has_sender() {
        return Ok(false);
    }
    let accounts = state.accounts.clone();
    match in_time(state, async move { accounts.has_ingest_token().await }).await {
        Some(Ok(has_token)) => Ok(!has_token),
        Some(Err(error)) => Err(error.into()),
        None => Err(unavailable(state)),
    }
}

/// Who asks, if somebody says so: by a token, else by what a proxy says, else by
/// the session of a browser.
///
/// # Errors
/// What was shown is not good, or the database that knows is away.
pub(crate) async fn caller(
    state: &AppState,
    host: &str,
    headers: &HeaderMap,
    origin: Origin,
) -> Result<Option<Caller>, ApiError> {
    if let Some(shown) = shown(headers) {
        return by_token(state, &shown?, origin).await.map(Some);
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
        Some(Err(AuthError::Disabled)) => Err(missing("This account is disabled.")),
        Some(Err(AuthError::Unknown | AuthError::Expired(_) | AuthError::Revoked(_))) => {
            Err(missing("Your session has ended; sign in again."))
        }
    }
}

/// Nothing was shown, or nothing that opens anything.
pub(crate) fn missing(detail: impl Into<String>) -> ApiError {
    ApiError::new(ProblemKind::Unauthorized, detail)
}

/// Whether a caller may deliver.
fn opens_webhook(caller: &Caller) -> bool {
    match &caller.identity {
        Some(identity) => identity.access == Access::Ingest,
        None => caller.actor.kind == ActorKind::Token && caller.role.is_none(),
    }
}

async fn by_token(state: &AppState, token: &str, origin: Origin) -> Result<Caller, ApiError> {
    let digest = *blake3::hash(token.as_bytes()).as_bytes();
    if let Some(known) = state.provisioned.find(&digest) {
        return Ok(known.caller(origin));
    }
    let (accounts, asked) = (state.accounts.clone(), token.to_owned());
    let found = in_time(state, async move { accounts.identify_token(&asked).await });
    let time = |at: tocsin_core::time::Timestamp| at.to_datetime().format("%Y-%m-%dT%H:%M:%SZ");
    match found.await {
        Some(Ok(identity)) => authenticated(identity, origin),
        // The database is away, and with it all that it holds; what is in memory,
        // such as the metrics, is wanted most just then.
        None | Some(Err(AuthError::Unavailable(_))) => match state.accounts.remember_token(token) {
            Some(identity) => authenticated(identity, origin),
            None => Err(unavailable(state)),
        },
        Some(Err(AuthError::Unknown)) => Err(missing("This token is not known.")),
        Some(Err(AuthError::Expired(at))) => Err(missing(format!(
            "This token expired at {}; an administrator can make another.",
            time(at)
        ))),
        Some(Err(AuthError::Revoked(at))) => Err(missing(format!(
            "This token was revoked at {}; an administrator can make another.",
            time(at)
        ))),
        Some(Err(AuthError::Disabled)) => Err(missing("This token is disabled.")),
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
    let named = proxy::external(settings, peer, headers).and_then(|who| match who {
        Some(_) if !csrf::is_own_host(host, public_url) => Err(proxy::Error::Host),
        who => Ok(who),
    });
    let who = match named {
        Ok(Some(who)) => who,
        Ok(None) => return Ok(None),
        Err(proxy::Error::NotAllowed) => {
            return Err(ApiError::new(
                ProblemKind::Forbidden,
                proxy::Error::NotAllowed.to_string(),
            ));
        }
        Err(error) => {
            // A fault of the proxy's settings, or an attack: its administrator should know.
            tracing::warn!(%error, "the sign-in header of a proxy was rejected");
            return Err(missing(error.to_string()));
        }
    };
    let agent = headers.get(header::USER_AGENT);
    let agent = agent.map_or(&b""[..], |value| value.as_bytes());
    let arrival = ClientInfo {
        address: origin.client,
        user_agent: String::from_utf8_lossy(agent).into_owned(),
    };
    let accounts = state.accounts.clone();
    let found = in_time(state, async move {
        accounts.external_user(&who, &arrival).await
    });
    match found.await {
        Some(Ok(identity)) => authenticated(identity, origin).map(Some),
        Some(Err(ExternalError::Storage(error))) => Err(error.into()),
        None => Err(unavailable(state)),
        Some(Err(error)) => Err(ApiError::new(
            ProblemKind::Forbidden,
            format!("The proxy says who you are, but {error}."),
        )),
    }
}

fn authenticated(identity: Arc<Identity>, origin: Origin) -> Result<Caller, ApiError> {
    let source = identity.source.clone().map(SourceName::try_from);
    // They were names of sources when they were stored.
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

/// The secret of a request, where it has one: a Bearer token, or the password of
/// basic auth, whose user name is free.
fn shown(headers: &HeaderMap) -> Option<Result<Cow<'_, str>, ApiError>> {
    let value = headers.get(header::AUTHORIZATION)?;
    Some(read(value.as_bytes()).ok_or_else(|| {
        missing("The header Authorization is neither \"Bearer TOKEN\" nor basic auth whose password is a token.")
    }))
}

fn read(value: &[u8]) -> Option<Cow<'_, str>> {
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

/// The answer, unless the database stops answering meanwhile. What is known in
/// memory needs none; what is not goes on by itself then, because a query that
/// is dropped half-way can spoil its connection.
async fn in_time<T: 'static>(
    state: &AppState,
    answer: impl Future<Output = T> + 'static,
) -> Option<T> {
    let pulse = state.db.health();
    if !pulse.is_watched() {
        return Some(answer.await);
    }
    let mut answer = Box::pin(answer);
    if let Poll::Ready(answer) = futures::poll!(answer.as_mut()) {
        return Some(answer);
    }
    let answer = actix_web::rt::spawn(answer);
    tokio::select! {
        biased;
        answer = answer => answer.ok(),
        () = pulse.unavailable() => None,
    }
}

fn unavailable(state: &AppState) -> ApiError {
    match state.db.health().outage() {
        Some(outage @ Outage::File(_)) => ApiError::outage(&outage),
        Some(Outage::NoAnswer) | None => ApiError::new(
            ProblemKind::Unavailable,
            "The database, which knows who may do what, does not answer now; try again.",
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
        shown(&headers).map(|shown| shown.ok().map(Cow::into_owned))
    }

    #[test]
    fn a_token_comes_as_bearer_or_as_the_password_of_basic_auth() {
        let good = Some(Some("free".to_owned()));
        assert_eq!(secret("Bearer free"), good);
        assert_eq!(secret("bearer  free "), good);
        // any:free, and :free
        assert_eq!(secret("Basic YW55OmZyZWU="), good);
        assert_eq!(secret("basic OmZyZWU="), good);
        for bad in ["Digest x", "Basic !", "Basic YW55", "free", ""] {
            assert_eq!(secret(bad), Some(None), "{bad:?}");
        }
        assert!(shown(&HeaderMap::new()).is_none());
    }
}
