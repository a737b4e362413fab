//! The sign-in flow: the redirect to the provider, and the return.

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, Client, ClientId,
    ClientSecret, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IdTokenClaims, IdTokenFields, OAuth2TokenResponse as _, PkceCodeChallenge, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse,
    StandardTokenResponse, TokenResponse as _, UserInfoClaims,
};
use subtle::ConstantTimeEq as _;
use url::Url;

use super::Failure;
use super::attempt::Attempt;
use super::claims::{CustomClaims, Person};
use super::client::{CachedProvider, HttpError, Provider};
use crate::config::OidcSettings;
use crate::http::Chain;

/// The parameters of the provider's redirect back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) code: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) error: Option<String>,
    /// Issuer of the response (RFC 9207).
    pub(crate) iss: Option<String>,
}

type Claims = IdTokenClaims<CustomClaims, CoreGenderClaim>;

type Tokens = StandardTokenResponse<
    IdTokenFields<
        CustomClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type Ours = Client<
    CustomClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

fn client(settings: &OidcSettings, cached: &CachedProvider, back: &str) -> Result<Ours, Failure> {
    let metadata = cached.metadata.clone();
    // Basic authentication, which every provider supports unless its metadata excludes it.
    let only_body = metadata
        .token_endpoint_auth_methods_supported()
        .is_some_and(|methods| {
            !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
    let secret = settings.client_secret.as_ref();
    let back = RedirectUrl::new(back.to_owned())
        .map_err(|error| Failure::Refused(format!("the redirect URL is invalid: {error}")))?;
    let client = Ours::from_provider_metadata(
        metadata,
        ClientId::new(settings.client_id.clone()),
        secret.map(|secret| ClientSecret::new(secret.reveal().to_owned())),
    )
    .set_redirect_uri(back);
    Ok(if only_body {
        client.set_auth_type(AuthType::RequestBody)
    } else {
        client
    })
}

/// URL of the provider's authorization page.
pub(super) fn authorize(
    settings: &OidcSettings,
    cached: &CachedProvider,
    attempt: &Attempt,
    back: &str,
) -> Result<Url, Failure> {
    let client = client(settings, cached, back)?;
    let (state, nonce) = (attempt.state(), attempt.nonce());
    let mut request = client.authorize_url(
        CoreAuthenticationFlow::AuthorizationCode,
        || state,
        || nonce,
    );
    // The library adds `openid`.
    for scope in settings.scopes.iter().filter(|scope| *scope != "openid") {
        request = request.add_scope(Scope::new(scope.clone()));
    }
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&attempt.verifier());
    let (url, _, _) = request.set_pkce_challenge(challenge).url();
    Ok(url)
}

/// Verifies the provider's response and returns the user.
pub(super) async fn finish(
    settings: &OidcSettings,
    provider: &Provider,
    attempt: &Attempt,
    back: &str,
    answer: Answer,
    now: DateTime<Utc>,
) -> Result<Person, Failure> {
    let code = check(settings, attempt, answer)?;
    let mut cached = provider.metadata(None).await?;
    let mut client = client(settings, &cached, back)?;
    let http = |request| provider.send(request);
    let tokens = client
        .exchange_code(AuthorizationCode::new(code))
        .map_err(|error| Failure::Unavailable(Chain(&error).to_string()))?
        .set_pkce_verifier(attempt.verifier())
        .request_async(&http)
        .await
        .map_err(exchange_failure)?;
    let checked = verify(&client, &tokens, attempt, now);
    let claims = match checked {
        // The provider signs with a new key.
        Err(error) if is_unknown_key(&error) => {
            cached = provider.metadata(Some(&cached)).await?;
            client = self::client(settings, &cached, back)?;
            verify(&client, &tokens, attempt, now)
        }
        checked => checked,
    };
    let claims =
        claims.map_err(|error| Failure::Refused(format!("invalid ID token: {}", Chain(&error))))?;
    let person = Person::of_token(&claims, &settings.groups_claim);
    let wants_groups = settings.mapping != crate::config::GroupRoles::default();
    if !person.needs_user_info(wants_groups) || client.user_info_url().is_none() {
        return Ok(person);
    }
    let info: UserInfoClaims<CustomClaims, CoreGenderClaim> = client
        .user_info(
            tokens.access_token().clone(),
            // A response about another user is rejected.
            Some(claims.subject().clone()),
        )
        .map_err(|error| Failure::Unavailable(Chain(&error).to_string()))?
        .request_async(&http)
        .await
        .map_err(|error| match error {
            openidconnect::UserInfoError::ClaimsVerification(_) => {
                Failure::Refused(format!("invalid user info response: {}", Chain(&error)))
            }
            error => Failure::Unavailable(Chain(&error).to_string()),
        })?;
    Ok(person.complete(&info, &settings.groups_claim))
}

/// Returns the code, if the response belongs to the attempt.
fn check(settings: &OidcSettings, attempt: &Attempt, answer: Answer) -> Result<String, Failure> {
    let expected = attempt.state();
    let is_ours = answer
        .state
        .is_some_and(|state| bool::from(state.as_bytes().ct_eq(expected.secret().as_bytes())));
    if !is_ours {
        let text = "the response does not belong to a sign-in of this browser";
        return Err(Failure::Refused(text.to_owned()));
    }
    if answer.iss.is_some_and(|iss| iss != settings.issuer) {
        let text = "the response is not from auth.oidc.issuer";
        return Err(Failure::Refused(text.to_owned()));
    }
    if let Some(error) = answer.error {
        // A code of the standard, but any client can write any value into a URL.
        let error: String = error.chars().take(100).collect();
        return Err(match error.as_str() {
            "temporarily_unavailable" | "server_error" => Failure::Unavailable(error),
            _ => Failure::Refused(format!("the provider returned the error {error:?}")),
        });
    }
    answer.code.filter(|code| !code.is_empty()).ok_or_else(|| {
        Failure::Refused("the provider returned neither a code nor an error".to_owned())
    })
}

/// Classifies a failed exchange of the code: rejected, or unavailable.
fn exchange_failure(
    error: RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>,
) -> Failure {
    let text = Chain(&error).to_string();
    match &error {
        // A code that was already used, or a wrong client_secret.
        RequestTokenError::ServerResponse(_) | RequestTokenError::Parse(..) => {
            Failure::Refused(format!("the provider rejected the code: {text}"))
        }
        _ => Failure::Unavailable(text),
    }
}

/// Signature algorithms with public keys. Not `none`, and none with a shared secret: a public key
/// used as a secret would allow forged tokens.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Maximum clock skew of the provider.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// Returns the claims of the ID token, if this provider issued it for this client, for this
/// attempt, and recently.
fn verify(
    client: &Ours,
    tokens: &Tokens,
    attempt: &Attempt,
    now: DateTime<Utc>,
) -> Result<Claims, ClaimsVerificationError> {
    let other = |text: &str| ClaimsVerificationError::Other(text.to_owned());
    let token = tokens
        .id_token()
        .ok_or_else(|| other("the provider returned no ID token"))?;
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || now - SKEW)
        .set_issue_time_verifier_fn(move |issued| {
            if issued <= now + SKEW {
                Ok(())
            } else {
                Err(format!("it was issued at {issued}, which is in the future"))
            }
        });
    let claims = token.claims(&verifier, &attempt.nonce())?;
    if let Some(expected) = claims.access_token_hash() {
        let key = token.signing_key(&verifier);
        let actual = key.and_then(|key| {
            let algorithm = token.signing_alg()?;
            AccessTokenHash::from_token(tokens.access_token(), algorithm, key)
                .map_err(|error| SignatureVerificationError::Other(error.to_string()))
        });
        let actual = actual.map_err(ClaimsVerificationError::SignatureVerification)?;
        if actual != *expected {
            return Err(other("the access token does not match the ID token"));
        }
    }
    Ok(claims.clone())
}

fn is_unknown_key(error: &ClaimsVerificationError) -> bool {
    matches!(
        error,
        ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_)
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> OidcSettings {
        OidcSettings {
            issuer: "https://login.example.com".to_owned(),
            client_id: "tocsin".to_owned(),
            client_secret: None,
            name: "Example".to_owned(),
            scopes: vec!["openid".to_owned(), "email".to_owned()],
            groups_claim: "groups".to_owned(),
            mapping: crate::config::GroupRoles::default(),
            ca_file: None,
        }
    }

    fn answer(attempt: &Attempt) -> Answer {
        Answer {
            code: Some("code".to_owned()),
            state: Some(attempt.state().secret().clone()),
            ..Answer::default()
        }
    }

    #[test]
    fn foreign_responses_are_rejected() {
        let attempt = Attempt::new();
        let is_rejected = |answer| {
            matches!(
                check(&settings(), &attempt, answer),
                Err(Failure::Refused(_))
            )
        };
        assert_eq!(
            check(&settings(), &attempt, answer(&attempt)).unwrap(),
            "code"
        );
        assert!(is_rejected(Answer::default()));
        assert!(is_rejected(answer(&Attempt::new())));
        assert!(is_rejected(Answer {
            state: Some(String::new()),
            ..answer(&attempt)
        }));
        assert!(is_rejected(Answer {
            iss: Some("https://evil.example.net".to_owned()),
            ..answer(&attempt)
        }));
        assert!(is_rejected(Answer {
            error: Some("access_denied".to_owned()),
            ..answer(&attempt)
        }));
        assert!(is_rejected(Answer {
            code: None,
            ..answer(&attempt)
        }));
        let busy = Answer {
            error: Some("temporarily_unavailable".to_owned()),
            ..answer(&attempt)
        };
        assert!(matches!(
            check(&settings(), &attempt, busy),
            Err(Failure::Unavailable(_))
        ));
    }
}
