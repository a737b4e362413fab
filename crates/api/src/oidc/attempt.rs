//! One sign-in attempt, as required when the browser returns.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::{CsrfToken, Nonce, PkceCodeVerifier};

/// A browser's redirect to the provider and back. All values needed on return are derived from one
/// secret that only the browser stores: nothing is stored on the server, so any replica can finish
/// the attempt.
pub(crate) struct Attempt {
    secret: [u8; 32],
}

impl Attempt {
    /// Creates an attempt with a random secret.
    pub(crate) fn new() -> Self {
        // The library's random string of 32 bytes is a secure source.
        let random = CsrfToken::new_random_len(32);
        Self {
            secret: *blake3::hash(random.secret().as_bytes()).as_bytes(),
        }
    }

    /// Restores an attempt from the browser's secret; `None` if that is malformed.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let secret = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self {
            secret: secret.try_into().ok()?,
        })
    }

    /// The secret for the browser.
    pub(crate) fn secret(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.secret)
    }

    /// Binds the provider's response to this attempt.
    pub(super) fn state(&self) -> CsrfToken {
        CsrfToken::new(self.derive("tocsin sign-in 2026-11 oidc state"))
    }

    /// Binds the ID token to this attempt.
    pub(super) fn nonce(&self) -> Nonce {
        Nonce::new(self.derive("tocsin sign-in 2026-11 oidc nonce"))
    }

    /// PKCE code verifier: binds the code to the client that requested it.
    pub(super) fn verifier(&self) -> PkceCodeVerifier {
        PkceCodeVerifier::new(self.derive("tocsin sign-in 2026-11 oidc code verifier"))
    }

    /// Derives 43 characters, which reveal neither the secret nor the other values.
    fn derive(&self, context: &str) -> String {
        URL_SAFE_NO_PAD.encode(blake3::derive_key(context, &self.secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_restored_from_the_browsers_secret() {
        let attempt = Attempt::new();
        let same = Attempt::read(&attempt.secret()).unwrap();
        assert_eq!(attempt.state().secret(), same.state().secret());
        assert_eq!(attempt.nonce().secret(), same.nonce().secret());
        assert_eq!(attempt.verifier().secret(), same.verifier().secret());
        let all = [
            attempt.secret(),
            attempt.state().secret().clone(),
            attempt.nonce().secret().clone(),
            attempt.verifier().secret().clone(),
            Attempt::new().state().secret().clone(),
        ];
        for (index, one) in all.iter().enumerate() {
            assert_eq!(one.len(), 43);
            assert!(!all[index + 1..].contains(one));
        }
        assert!(Attempt::read("").is_none());
        assert!(Attempt::read("AAAA").is_none());
        assert!(Attempt::read(&format!("{}A", attempt.secret())).is_none());
    }
}
