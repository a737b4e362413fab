//! What must be known of a sign-in when the browser comes back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::{CsrfToken, Nonce, PkceCodeVerifier};

/// Somebody's way to the provider and back. All that must be known on the way
/// back is derived from one secret, which only the browser keeps: nothing is
/// stored here, and any replica can go on.
pub(crate) struct Attempt {
    secret: [u8; 32],
}

impl Attempt {
    /// A new one, with a secret that nobody can guess.
    pub(crate) fn new() -> Self {
        // The library's random text of 32 bytes, as good a source as any.
        let random = CsrfToken::new_random_len(32);
        Self {
            secret: *blake3::hash(random.secret().as_bytes()).as_bytes(),
        }
    }

    /// From what the browser kept; none where that is no such text.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let secret = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self {
            secret: secret.try_into().ok()?,
        })
    }

    /// What the browser keeps.
    pub(crate) fn secret(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.secret)
    }

    /// What tells that an answer belongs to this attempt.
    pub(super) fn state(&self) -> CsrfToken {
        CsrfToken::new(self.derive("tocsin sign-in 2026-11 oidc state"))
    }

    /// What tells that an ID token was made for this attempt.
    pub(super) fn nonce(&self) -> Nonce {
        Nonce::new(self.derive("tocsin sign-in 2026-11 oidc nonce"))
    }

    /// What tells the provider that who takes the code is who asked for it.
    pub(super) fn verifier(&self) -> PkceCodeVerifier {
        PkceCodeVerifier::new(self.derive("tocsin sign-in 2026-11 oidc code verifier"))
    }

    /// 43 characters, from which neither the secret nor the others follow.
    fn derive(&self, context: &str) -> String {
        URL_SAFE_NO_PAD.encode(blake3::derive_key(context, &self.secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_an_attempt_follows_from_what_the_browser_keeps() {
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
