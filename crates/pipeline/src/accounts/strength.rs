//! Strength check of new passwords: minimum length, and hard to guess.
//!
//! The strength comes from zxcvbn, whose run time grows fast with the length and with
//! character substitutions: some strings of a hundred characters take a good part of a
//! second. Any signed-in user can trigger it, so one password is checked at a time and
//! the queue is limited.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::passwords::{Busy, MIN_PASSWORD_CHARS, blocking, check_length};
use crate::change::Issues;

/// Of zxcvbn's 0 to 4: 3 is "safely unguessable" if the hashes are stolen.
const MIN_SCORE: zxcvbn::Score = zxcvbn::Score::Three;

/// Characters that zxcvbn checks: the rest of a longer password makes it no weaker.
const CHECKED_CHARS: usize = 50;

/// Passwords that may wait for the check.
const MAX_WAITING: usize = 8;

/// Reason why a new password is not accepted, with a suggestion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Weakness {
    /// Too short or too long.
    Length(String),
    /// Easy to guess.
    Weak(String),
}

impl Weakness {
    /// Adds it to the issues of `field`.
    pub(super) fn add_to(self, issues: &mut Issues, unprocessable: &mut Issues, field: &str) {
        match self {
            Self::Length(message) => issues.add(field, message),
            Self::Weak(message) => unprocessable.add(field, message),
        }
    }
}

/// Checks new passwords, one at a time.
#[derive(Clone, Debug)]
pub(super) struct StrengthChecker {
    waiting: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl StrengthChecker {
    pub(super) fn new() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(1 + MAX_WAITING)),
            running: Arc::new(Semaphore::new(1)),
        }
    }

    /// Checks a new password. `about` holds obvious guesses, such as the user's name.
    ///
    /// # Errors
    /// [`Busy`], immediately, if too many checks wait.
    pub(super) async fn check(
        &self,
        password: &str,
        about: &[&str],
    ) -> Result<Option<Weakness>, Busy> {
        let permits = self.acquire().await?;
        let password = password.to_owned();
        let about: Vec<String> = about.iter().map(|text| (*text).to_owned()).collect();
        blocking(move || {
            let about: Vec<&str> = about.iter().map(String::as_str).collect();
            let weakness = check(&password, &about).err();
            // Held by the thread, even if the caller stops waiting.
            drop(permits);
            weakness
        })
        .await
    }

    async fn acquire(&self) -> Result<[OwnedSemaphorePermit; 2], Busy> {
        let waiting = Arc::clone(&self.waiting);
        let waiting = waiting.try_acquire_owned().map_err(|_| Busy)?;
        // The semaphore is never closed.
        let running = Arc::clone(&self.running).acquire_owned().await;
        Ok([running.map_err(|_| Busy)?, waiting])
    }
}

fn check(password: &str, about: &[&str]) -> Result<(), Weakness> {
    let chars = password.chars().count();
    if chars < MIN_PASSWORD_CHARS {
        return Err(Weakness::Length(format!(
            "expected at least {MIN_PASSWORD_CHARS} characters, not {chars}; several words \
             that do not belong together are easy to remember"
        )));
    }
    check_length(password).map_err(Weakness::Length)?;
    // Parts of an e-mail address and of a name are likely guesses, too.
    let mut inputs: Vec<&str> = vec!["tocsin"];
    for text in about {
        inputs.push(text);
        inputs.extend(
            text.split(|c: char| !c.is_alphanumeric())
                .filter(|part| part.chars().count() > 2),
        );
    }
    let checked: String = password.chars().take(CHECKED_CHARS).collect();
    let entropy = zxcvbn::zxcvbn(&checked, &inputs);
    if entropy.score() >= MIN_SCORE {
        return Ok(());
    }
    let mut message = "too easy to guess".to_owned();
    if let Some(feedback) = entropy.feedback() {
        if let Some(warning) = feedback.warning() {
            message = format!("{message}: {}", mid_sentence(&warning.to_string()));
        }
        if let Some(suggestion) = feedback.suggestions().first() {
            message = format!("{message}; {}", mid_sentence(&suggestion.to_string()));
        }
    }
    Err(Weakness::Weak(message))
}

/// Formats a message for the middle of a sentence.
fn mid_sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::passwords::MAX_PASSWORD_BYTES;
    use super::*;

    #[test]
    fn weak_passwords_are_rejected_with_a_reason() {
        let about = ["Grace Hopper", "grace.hopper@example.com"];
        for bad in [
            "",
            "short",
            "九个字的密码不够长",
            "passwordpassword",
            "qwertyuiop",
            "1234567890",
            "aaaaaaaaaaaa",
            "tocsintocsin",
            "gracehopper1",
            "Hopper2026",
        ] {
            let weakness = check(bad, &about).unwrap_err();
            let (Weakness::Length(error) | Weakness::Weak(error)) = weakness;
            assert!(!error.contains('\n') && error.len() > 15, "{bad}: {error}");
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
        let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
        let error = check(&long, &about).unwrap_err();
        let message = "expected at most 1024 bytes, not 1025".to_owned();
        assert_eq!(error, Weakness::Length(message));
        for good in [
            "correct horse battery staple",
            "正确的马电池订书钉很长",
            "vT9#kq2Lw!p0",
        ] {
            assert_eq!(check(good, &about), Ok(()), "{good}");
        }
        // A long password is checked by its first characters, in a short time.
        let long: String = ('a'..='z').cycle().take(MAX_PASSWORD_BYTES).collect();
        assert!(check(&long, &about).is_err());
    }

    #[tokio::test]
    async fn one_password_is_checked_at_a_time_and_waiting_is_limited() {
        let checker = StrengthChecker::new();
        let permits = checker.acquire().await.unwrap();
        let password = "seven brown bricks fall";
        let mut waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| Box::pin(checker.check(password, &[])))
            .collect();
        for check in &mut waiting {
            assert!(futures::poll!(check.as_mut()).is_pending());
        }
        assert_eq!(checker.check(password, &[]).await, Err(Busy));
        drop(permits);
        for check in waiting {
            assert_eq!(check.await, Ok(None));
        }
        assert_eq!(
            checker
                .check("aaaaaaaaaaaa", &[])
                .await
                .map(|weakness| weakness.is_some()),
            Ok(true)
        );
    }
}
