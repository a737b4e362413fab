//! One step of an SMTP session, with its time limits.

use std::error::Error as _;
use std::future::Future;
use std::time::Duration;

use lettre::transport::smtp::Error;
use tokio::time::{Instant, timeout};

use crate::text;

/// Maximum duration of a whole send, in steps.
pub(super) const STEPS: u32 = 3;

/// Maximum length of a server's reply that is kept.
const MAX_REPLY: usize = 500;

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server answered with a 4xx or 5xx.
    Reply { code: u16, text: String },
    /// No reply: the connection is closed, silent or out of step.
    Lost(String),
}

impl Failure {
    /// Whether client and server agree on the session's state, so that the connection can be
    /// reused. After 421 the server closes it (RFC 5321, 3.8).
    pub(super) fn leaves_connection_usable(&self) -> bool {
        matches!(self, Failure::Reply { code, .. } if *code != 421)
    }

    fn from_lettre(error: &Error) -> Failure {
        match error.status() {
            Some(code) => Failure::Reply {
                code: code.into(),
                text: error
                    .source()
                    .map(|reply| text::line(&reply.to_string(), MAX_REPLY))
                    .unwrap_or_default(),
            },
            None => Failure::Lost(describe(error)),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Reply { code, text } => write!(f, "{code} {text}"),
            Failure::Lost(what) => f.write_str(what),
        }
    }
}

/// The innermost cause, because lettre's outer messages ("Connection error: Connection error: …")
/// add nothing.
pub(super) fn describe(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    text::line(&cause.to_string(), MAX_REPLY)
}

/// Time limits of one step and of all steps of a send together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    step: Duration,
    end: Instant,
}

impl Limit {
    /// Starts the limit of one send.
    pub(super) fn start(step: Duration) -> Limit {
        Limit {
            step,
            end: Instant::now() + step * STEPS,
        }
    }

    /// Runs one step. On timeout the future is dropped halfway, so the connection must not be used
    /// again (see [`Failure::leaves_connection_usable`]).
    pub(super) async fn step<T>(
        &self,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failure> {
        self.run(future).await.map_err(|error| match error {
            Some(error) => Failure::from_lettre(&error),
            None => Failure::Lost(self.no_answer()),
        })
    }

    /// Like [`step`](Limit::step), with lettre's own error; `None` on timeout.
    pub(super) async fn run<T>(
        &self,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Option<Error>> {
        let left = self.end.saturating_duration_since(Instant::now());
        match timeout(self.step.min(left), future).await {
            Ok(result) => result.map_err(Some),
            Err(_) => Err(None),
        }
    }

    pub(super) fn no_answer(&self) -> String {
        format!("no answer within {:?}", self.step)
    }
}
