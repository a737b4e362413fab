//! Single sign-on by OpenID Connect: authorization code with PKCE. What the
//! protocol asks to be checked, the library `openidconnect` checks; here is who
//! is asked, what is remembered meanwhile, and what is made of the answer.
//!
//! The provider is asked when somebody signs in, never at start: this program
//! runs where the provider does not.

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

/// The provider of the settings. One for the whole program: it remembers the
/// provider's addresses and keys.
pub(crate) struct SingleSignOn {
    settings: OidcSettings,
    provider: client::Provider,
}

/// Why somebody was not let in. The texts are for the log: what the provider
/// says is shown to nobody.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The provider cannot be asked, or answers with errors of its own.
    #[error("the provider is not available: {0}")]
    Unavailable(String),
    /// The provider said no, or what came back proves nothing.
    #[error("{0}")]
    Refused(String),
    /// The provider names no mail address.
    #[error("the provider named no mail address of the person")]
    NoEmail,
    /// The person is in none of the groups that may come in.
    #[error("the person is in none of the groups that may sign in")]
    NotAllowed,
}

impl SingleSignOn {
    /// # Errors
    /// [`SetUpError`], where `ca_file` cannot be used.
    pub(crate) fn new(settings: &OidcSettings) -> Result<Self, SetUpError> {
        Ok(Self {
            provider: client::Provider::new(settings)?,
            settings: settings.clone(),
        })
    }

    /// What the button says.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// The provider's page that the browser is sent to. `back` is the address
    /// that it sends the browser back to.
    ///
    /// # Errors
    /// [`Failure::Unavailable`].
    pub(crate) async fn begin(&self, attempt: &Attempt, back: &str) -> Result<Url, Failure> {
        let known = self.provider.known(None).await?;
        flow::authorize(&self.settings, &known, attempt, back)
    }

    /// Who came back, from what the provider's page gave the browser. `attempt`
    /// and `back` are those of [`Self::begin`].
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
