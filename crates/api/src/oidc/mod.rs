//! Single sign-on with OpenID Connect: authorization code with PKCE. The library `openidconnect`
//! performs the checks of the protocol; this module configures it, caches the provider's metadata,
//! and reads the claims.
//!
//! The provider is contacted at sign-in, never at startup: this program also runs while the
//! provider is down.

mod attempt;
mod claims;
mod client;
mod flow;

use chrono::{DateTime, Utc};
use tocsin_pipeline::accounts::ExternalIdentity;
use url::Url;

pub(crate) use attempt::Attempt;
pub(crate) use client::SetUpError;
pub(crate) use flow::Answer;

use crate::config::{MappedRole, OidcSettings};

/// The configured provider. One instance for the whole program, because it caches the provider's
/// endpoints and keys.
pub(crate) struct SingleSignOn {
    settings: OidcSettings,
    provider: client::Provider,
}

/// Why a sign-in failed. The messages are for the log only: responses of the provider are never
/// shown to users.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The provider is unreachable, or returns errors.
    #[error("the provider is not available: {0}")]
    Unavailable(String),
    /// The provider rejected the sign-in, or its response is invalid.
    #[error("{0}")]
    Refused(String),
    /// The provider returned no e-mail address.
    #[error("the provider returned no e-mail address")]
    NoEmail,
    /// The user is in none of the permitted groups.
    #[error("the user is in none of the groups that may sign in")]
    NotAllowed,
}

impl SingleSignOn {
    /// # Errors
    /// [`SetUpError`] if `ca_file` is invalid.
    pub(crate) fn new(settings: &OidcSettings) -> Result<Self, SetUpError> {
        Ok(Self {
            provider: client::Provider::new(settings)?,
            settings: settings.clone(),
        })
    }

    /// Label of the sign-in button.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// URL of the provider's page. `back` is the URL to which the provider redirects the browser.
    ///
    /// # Errors
    /// [`Failure::Unavailable`].
    pub(crate) async fn begin(&self, attempt: &Attempt, back: &str) -> Result<Url, Failure> {
        let cached = self.provider.metadata(None).await?;
        flow::authorize(&self.settings, &cached, attempt, back)
    }

    /// Verifies the provider's response and returns the user. `attempt` and `back` are those of
    /// [`Self::begin`].
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) async fn finish(
        &self,
        attempt: &Attempt,
        back: &str,
        answer: Answer,
        now: DateTime<Utc>,
    ) -> Result<ExternalIdentity, Failure> {
        let person =
            flow::finish(&self.settings, &self.provider, attempt, back, answer, now).await?;
        let role = match self.settings.mapping.map(&person.groups) {
            MappedRole::Unmapped => None,
            MappedRole::Role(role) => Some(role),
            MappedRole::Refused => return Err(Failure::NotAllowed),
        };
        let email = person.email.ok_or(Failure::NoEmail)?;
        Ok(ExternalIdentity {
            issuer: self.settings.issuer.clone(),
            subject: person.subject,
            name: person.name.unwrap_or_else(|| email.clone()),
            email,
            email_verified: person.email_verified,
            role,
        })
    }
}
