//! Who sends a request.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::task::Poll;

use actix_web::http::header::{self, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use tocsin_core::visibility::Visibility;
use tocsin_pipeline::Actor;
use tocsin_pipeline::accounts::{Arrival, ExternalError, Identity, Refused};
use tocsin_storage::codes::{Access, ActorKind, Role};

use super::address::Origin;
use super::caller::Caller;
use super::cookies::{Jar, Which};
use super::origin;
use super::problem::{ApiError, Kind};
use super::proxy;
use super::state::AppState;
use crate::config::{ProxySettings, Settings, SourceName};

/// The tokens of the settings, as digests: all of one length, so that comparing
/// them in constant time does not tell a secret's length.
#[derive(Debug)]
pub(crate) struct Provisioned(Vec<(Digest, Known)>);

type Digest = [u8; 32];

/// A token of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    name: String,
    opens: Opens,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Opens {
    /// The webhook, for a source or any.
    Webhook(Option<SourceName>),
    /// What a role may do.
    Role(Role),
}

impl Provisioned {
    pub(crate) fn of(settings: &Settings) -> Self {
        let digest =
            |secret: &tocsin_mailer::Secret| *blake3::hash(secret.reveal().as_bytes()).as_bytes();
        let senders = settings.tokens.iter().map(|(name, token, source)| {
            let opens = Opens::Webhook(source.clone());
            let name = name.clone();
            (digest(token), Known { name, opens })
        });
        let others = settings.auth.tokens.iter().map(|(name, token, role)| {
            let opens = Opens::Role(*role);
            let name = name.clone();
            (digest(token), Known { name, opens })
        });
        Self(senders.chain(others).collect())
    }

    /// Whether one of them opens the webhook.
    fn has_sender(&self) -> bool {
        let opens_webhook = |known: &Known| matches!(known.opens, Opens::Webhook(_));
        self.0.iter().any(|(_, known)| opens_webhook(known))
    }

    /// Compares with every secret, without stopping at the one that fits.
    fn find(&self, shown: &Digest) -> Option<&Known> {
        let mut found = Choice::from(0);
        let mut place = 0u64;
        for (index, (token, _)) in (1u64..).zip(&self.0) {
            let same = token.ct_eq(shown);
            place.conditional_assign(&index, same);
            found |= same;
        }
        if !bool::from(found) {
            return None;
        }
        let index = usize::try_from(place).ok()?.checked_sub(1)?;
        self.0.get(index).map(|(_, known)| known)
    }
}

impl Known {
    fn caller(&self, origin: Origin) -> Caller {
        let (role, source) = match &self.opens {
            Opens::Webhook(source) => (None, source.clone()),
            Opens::Role(role) => (Some(*role), None),
        };
        Caller {
            actor: Actor {
                kind: ActorKind::Token,
                id: None,
                name: self.name.clone(),
                address: origin.client,
            },
            role,
            visibility: Visibility::everything(),
            session_id: None,
            source,
            identity: None,
        }
    }
}

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
            origin::check_open(host, headers)?;
            return Ok(Caller::anonymous(origin.client));
        }
        return Err(match cookie(state, headers, origin) {
            Some(_) => ApiError::new(Kind::Forbidden, WEBHOOK_IS_FOR_TOKENS),
            None => missing(
                "Send an ingest token, as \"Authorization: Bearer TOKEN\" or as the password of basic auth.",
            ),
        });
    };
    let caller = by_token(state, &shown?, origin).await?;
    if opens_webhook(&caller) {
        return Ok(caller);
    }
    Err(ApiError::new(Kind::Forbidden, WEBHOOK_IS_FOR_TOKENS))
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
        None => Err(away()),
    }
}

/// Who asks, if somebody says so: by a token, else by what a proxy says, else by
/// the session of a browser.
///
/// # Errors
/// What was shown is not good, or the database that knows is away.
pub(crate) async fn caller(
    state: &AppState,
    headers: &HeaderMap,
    origin: Origin,
) -> Result<Option<Caller>, ApiError> {
    if let Some(shown) = shown(headers) {
        return by_token(state, &shown?, origin).await.map(Some);
    }
    if let Some(settings) = &state.settings.auth.proxy
        && let Some(caller) = by_proxy(state, settings, headers, origin).await?
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
        Some(Ok(identity)) => Ok(Some(known(identity, origin)?)),
        Some(Err(Refused::Unavailable(error))) => Err(error.into()),
        None => Err(away()),
        Some(Err(Refused::Disabled)) => Err(missing("This account is disabled.")),
        Some(Err(Refused::Unknown | Refused::Expired(_) | Refused::Revoked(_))) => {
            Err(missing("Your session has ended; sign in again."))
        }
    }
}

/// Nothing was shown, or nothing that opens anything.
pub(crate) fn missing(detail: impl Into<String>) -> ApiError {
    ApiError::new(Kind::Unauthorized, detail)
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
    let (accounts, token) = (state.accounts.clone(), token.to_owned());
    let found = in_time(state, async move { accounts.identify_token(&token).await });
    let time = |at: tocsin_core::time::Timestamp| at.to_datetime().format("%Y-%m-%dT%H:%M:%SZ");
    match found.await {
        Some(Ok(identity)) => known(identity, origin),
        Some(Err(Refused::Unavailable(error))) => Err(error.into()),
        None => Err(away()),
        Some(Err(Refused::Unknown)) => Err(missing("This token is not known.")),
        Some(Err(Refused::Expired(at))) => Err(missing(format!(
            "This token expired at {}; an administrator can make another.",
            time(at)
        ))),
        Some(Err(Refused::Revoked(at))) => Err(missing(format!(
            "This token was revoked at {}; an administrator can make another.",
            time(at)
        ))),
        Some(Err(Refused::Disabled)) => Err(missing("This token is disabled.")),
    }
}

async fn by_proxy(
    state: &AppState,
    settings: &ProxySettings,
    headers: &HeaderMap,
    origin: Origin,
) -> Result<Option<Caller>, ApiError> {
    let Some(peer) = origin.peer else {
        return Ok(None);
    };
    let named = proxy::external(settings, peer, headers)
        .map_err(|proxy::NotAllowed(detail)| ApiError::new(Kind::Forbidden, detail))?;
    let Some(who) = named else {
        return Ok(None);
    };
    let agent = headers.get(header::USER_AGENT);
    let agent = agent.map_or(&b""[..], |value| value.as_bytes());
    let arrival = Arrival {
        address: origin.client,
        user_agent: String::from_utf8_lossy(agent).into_owned(),
    };
    let accounts = state.accounts.clone();
    let found = in_time(state, async move {
        accounts.external_user(&who, &arrival).await
    });
    match found.await {
        Some(Ok(identity)) => known(identity, origin).map(Some),
        Some(Err(ExternalError::Storage(error))) => Err(error.into()),
        None => Err(away()),
        Some(Err(error)) => Err(ApiError::new(
            Kind::Forbidden,
            format!("The proxy says who you are, but {error}."),
        )),
    }
}

fn known(identity: Arc<Identity>, origin: Origin) -> Result<Caller, ApiError> {
    let source = identity.source.clone().map(SourceName::try_from);
    // They were names of sources when they were stored.
    let source = source
        .transpose()
        .map_err(|error| ApiError::new(Kind::Internal, error))?;
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
    Jar::new(origin.is_secure, state.prefix()).read(Which::Session, headers)
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
    let pulse = state.db.pulse();
    if !pulse.can_stop() {
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
        () = pulse.stops() => None,
    }
}

fn away() -> ApiError {
    ApiError::new(
        Kind::Unavailable,
        "The database, which knows who may do what, does not answer now; try again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn provisioned(tokens: &[(&str, Option<&str>)]) -> Provisioned {
        let of = |(token, source): &(&str, Option<&str>)| {
            let source = source.map(|name| SourceName::try_from(name.to_owned()).unwrap());
            let known = Known {
                name: (*token).to_owned(),
                opens: Opens::Webhook(source),
            };
            (*blake3::hash(token.as_bytes()).as_bytes(), known)
        };
        Provisioned(tokens.iter().map(of).collect())
    }

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

    #[test]
    fn tokens_of_the_settings_are_told_apart() {
        let all = provisioned(&[("free", None), ("bound", Some("prod"))]);
        let find = |token: &str| all.find(blake3::hash(token.as_bytes()).as_bytes());
        let source = |known: &Known| match &known.opens {
            Opens::Webhook(source) => source.as_ref().map(|name| name.as_str().to_owned()),
            Opens::Role(_) => None,
        };
        assert_eq!(find("free").map(source), Some(None));
        assert_eq!(find("bound").map(source), Some(Some("prod".to_owned())));
        for wrong in ["", "fre", "freee", "FREE"] {
            assert_eq!(find(wrong), None, "{wrong:?}");
        }
        assert!(all.has_sender());
        assert!(!provisioned(&[]).has_sender());
    }
}
