//! Random secrets: API tokens, sessions, set-up links.
//!
//! Each has 256 random bits, so that an unsalted hash is safe to store. An API token
//! has a prefix (`tocsin_`) and ends with a checksum. Secret scanners recognize it by
//! both, and truncated or mistyped tokens are rejected without a database query.

use std::fmt;

/// Prefix of an API token.
const TOKEN: &str = "tocsin_";

/// Prefix of the secret of a set-up link.
const SETUP: &str = "tocsin_setup_";

/// 62 to the power of 43 is more than 2 to the power of 256.
const RANDOM_CHARS: usize = 43;

/// 62 to the power of 6 is more than 2 to the power of 32.
const CHECK_CHARS: usize = 6;

/// Characters of the random part that are shown later, to tell tokens apart.
const HINT_CHARS: usize = 4;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Secret of a session cookie, known to the browser only.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionSecret(String);

impl SessionSecret {
    /// Generates a secret: 43 characters of base64url.
    pub(super) fn random() -> Self {
        Self(random(BASE64))
    }

    /// Returns the value of the cookie.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(…)")
    }
}

/// Generates an API token.
pub(super) fn token() -> String {
    let body = format!("{TOKEN}{}", random(BASE62));
    let check = checksum(&body);
    body + &check
}

/// Generates the secret of a set-up link.
pub(super) fn setup() -> String {
    format!("{SETUP}{}", random(BASE62))
}

/// Generates a password to copy by hand: 16 characters without look-alikes, 80 random
/// bits.
#[must_use]
pub fn random_password() -> String {
    const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let characters: Vec<char> = random(ALPHABET).chars().take(16).collect();
    let groups: Vec<String> = characters.chunks(4).map(String::from_iter).collect();
    groups.join("-")
}

/// Hash of a secret, as stored.
pub(super) fn hash(secret: &str) -> [u8; 32] {
    *blake3::hash(secret.as_bytes()).as_bytes()
}

/// First characters of a token, shown to recognize it.
pub(super) fn hint(token: &str) -> String {
    token.chars().take(TOKEN.len() + HINT_CHARS).collect()
}

/// Whether a string has the form of an API token.
pub(super) fn is_token(text: &str) -> bool {
    if text.len() != TOKEN.len() + RANDOM_CHARS + CHECK_CHARS || !text.is_ascii() {
        return false;
    }
    let (body, check) = text.split_at(TOKEN.len() + RANDOM_CHARS);
    body.strip_prefix(TOKEN)
        .is_some_and(|random| random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        && checksum(body) == check
}

/// Whether a string has the form of a session secret.
pub(super) fn is_session(text: &str) -> bool {
    text.len() == RANDOM_CHARS && text.bytes().all(|byte| BASE64.contains(&byte))
}

/// Whether a string has the form of a set-up link's secret.
pub(super) fn is_setup(text: &str) -> bool {
    text.strip_prefix(SETUP).is_some_and(|random| {
        random.len() == RANDOM_CHARS && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// CRC-32 of a string as six base-62 digits, most significant first.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECK_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = pick(BASE62, rest % 62);
        rest /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

/// 43 random characters of an alphabet, uniformly distributed, from the system's
/// generator.
fn random(alphabet: &[u8]) -> String {
    use rand::Rng as _;
    let mut generator = rand::rng();
    let count = u32::try_from(alphabet.len()).unwrap_or(1);
    (0..RANDOM_CHARS)
        .map(|_| char::from(pick(alphabet, generator.random_range(0..count))))
        .collect()
}

fn pick(alphabet: &[u8], index: u32) -> u8 {
    usize::try_from(index)
        .ok()
        .and_then(|index| alphabet.get(index))
        .copied()
        .unwrap_or(b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_form_is_recognized() {
        let secret = token();
        assert_eq!(secret.len(), 7 + 43 + 6);
        assert!(
            is_token(&secret) && secret.starts_with("tocsin_"),
            "{secret}"
        );
        assert_ne!(secret, token());
        assert_eq!(hint(&secret).len(), 11);
        assert!(secret.starts_with(&hint(&secret)));
        // Other programs compute the checksum, too.
        let body = format!("tocsin_{}", "A".repeat(43));
        assert_eq!(checksum(&body).len(), 6);
        assert!(is_token(&format!("{body}{}", checksum(&body))));
    }

    #[test]
    fn truncated_mistyped_and_other_secrets_are_no_tokens() {
        let good = token();
        let mut swapped: Vec<char> = good.chars().collect();
        let other = if swapped[20] == 'x' { 'y' } else { 'x' };
        swapped[20] = other;
        let swapped: String = swapped.into_iter().collect();
        let bad = [
            String::new(),
            "tocsin_".to_owned(),
            good[..good.len() - 1].to_owned(),
            format!("{good}A"),
            good.replace("tocsin_", "toscin_"),
            swapped,
            setup(),
            "值".repeat(19),
            "tocsin_".to_owned() + &"é".repeat(24) + "A",
            SessionSecret::random().as_str().to_owned(),
        ];
        for text in bad {
            assert!(!is_token(&text), "{text}");
        }
    }

    #[test]
    fn random_password_is_grouped() {
        let password = random_password();
        assert_eq!(password.len(), 19);
        assert_eq!(password.split('-').map(str::len).max(), Some(4));
        assert_ne!(password, random_password());
    }

    #[test]
    fn session_and_set_up_link_forms_are_recognized() {
        let session = SessionSecret::random();
        assert!(is_session(session.as_str()));
        assert_eq!(format!("{session:?}"), "SessionSecret(…)");
        assert!(is_setup(&setup()));
        for text in ["", "abc", &setup()[1..], &token()] {
            assert!(!is_session(text) && !is_setup(text), "{text}");
        }
    }
}
