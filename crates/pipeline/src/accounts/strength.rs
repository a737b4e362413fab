//! Which new passwords are taken: as long as they must be, and not easily guessed.
//!
//! How easily, zxcvbn says, whose time grows fast with the length and with what
//! stands for other letters: some texts of a hundred characters take it a good
//! part of a second. Whoever is signed in may ask for it, so that one password is
//! judged at a time, and a few wait.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::passwords::{Busy, MIN_PASSWORD_CHARS, blocking, check_length};
use crate::change::Issues;

/// Of zxcvbn's 0 to 4: 3 is "safely unguessable" should the hashes be stolen.
const MIN_SCORE: zxcvbn::Score = zxcvbn::Score::Three;

/// What zxcvbn looks at: the rest of a longer one makes it no weaker.
const JUDGED_CHARS: usize = 50;

/// Passwords that wait to be judged.
const WAITING: usize = 8;

/// Why a new password will not do, for a person, and what would be better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Weakness {
    /// It is too short or too long.
    Length(String),
    /// It is easily guessed.
    Weak(String),
}

impl Weakness {
    /// Adds it to what is wrong with a field.
    pub(super) fn add_to(self, issues: &mut Issues, unfit: &mut Issues, field: &str) {
        match self {
            Self::Length(message) => issues.add(field, message),
            Self::Weak(message) => unfit.add(field, message),
        }
    }
}

/// Judges new passwords, one at a time.
#[derive(Clone, Debug)]
pub(super) struct StrengthChecker {
    waiting: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

impl StrengthChecker {
    pub(super) fn new() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(1 + WAITING)),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Whether a new password will do; `about` is what anybody would try first,
    /// such as the person's name.
    ///
    /// # Errors
    /// [`Busy`], at once, where too many wait.
    pub(super) async fn check(
        &self,
        password: &str,
        about: &[&str],
    ) -> Result<Option<Weakness>, Busy> {
        let held = self.turn().await?;
        let password = password.to_owned();
        let about: Vec<String> = about.iter().map(|text| (*text).to_owned()).collect();
        blocking(move || {
            let about: Vec<&str> = about.iter().map(String::as_str).collect();
            let flaw = check(&password, &about).err();
            // It lasts as long as the thread, whoever stopped waiting for it.
            drop(held);
            flaw
        })
        .await
    }

    async fn turn(&self) -> Result<[OwnedSemaphorePermit; 2], Busy> {
        let waiting = Arc::clone(&self.waiting);
        let waiting = waiting.try_acquire_owned().map_err(|_| Busy)?;
        // It is never closed.
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        Ok([turn.map_err(|_| Busy)?, waiting])
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
    // Parts of an address and of a name are guessed on their own, too.
    let mut inputs: Vec<&str> = vec!["tocsin"];
    for text in about {
        inputs.push(text);
        inputs.extend(
            text.split(|c: char| !c.is_alphanumeric())
                .filter(|part| part.chars().count() > 2),
        );
    }
    let judged: String = password.chars().take(JUDGED_CHARS).collect();
    let entropy = zxcvbn::zxcvbn(&judged, &inputs);
    if entropy.score() >= MIN_SCORE {
        return Ok(());
    }
    let mut message = "too easily guessed".to_owned();
    if let Some(feedback) = entropy.feedback() {
        if let Some(warning) = feedback.warning() {
            message = format!("{message}: {}", sentence(&warning.to_string()));
        }
        if let Some(suggestion) = feedback.suggestions().first() {
            message = format!("{message}; {}", sentence(&suggestion.to_string()));
        }
    }
    Err(Weakness::Weak(message))
}

/// In the middle of another one.
fn sentence(text: &str) -> String {
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
    fn weak_passwords_are_refused_with_a_reason() {
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
            let flaw = check(bad, &about).unwrap_err();
            let (Weakness::Length(error) | Weakness::Weak(error)) = flaw;
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
        // A long one is judged by its beginning, quickly.
        let long: String = ('a'..='z').cycle().take(MAX_PASSWORD_BYTES).collect();
        assert!(check(&long, &about).is_err());
    }

    #[tokio::test]
    async fn one_password_is_judged_at_a_time_and_a_few_wait() {
        let judge = StrengthChecker::new();
        let held = judge.turn().await.unwrap();
        let password = "seven brown bricks fall";
        let mut waiting: Vec<_> = (0..WAITING)
            .map(|_| Box::pin(judge.check(password, &[])))
            .collect();
        for one in &mut waiting {
            assert!(futures::poll!(one.as_mut()).is_pending());
        }
        assert_eq!(judge.check(password, &[]).await, Err(Busy));
        drop(held);
        for one in waiting {
            assert_eq!(one.await, Ok(None));
        }
        assert_eq!(
            judge
                .check("aaaaaaaaaaaa", &[])
                .await
                .map(|flaw| flaw.is_some()),
            Ok(true)
        );
    }
}
