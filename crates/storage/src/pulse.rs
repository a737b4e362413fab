//! Whether the database's server answers, looked at all the time.
//!
//! A server that was stopped, or whose machine hangs, often does not refuse:
//! it says nothing, and a query waits for as long as the system keeps the
//! connection. Nor can a time limit on queries tell that from a server that is
//! busy. So one connection of its own asks again and again for nothing, which a
//! busy server answers at once; whoever waits can give up when it does not.

use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, Connection as _};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Between two questions.
const EVERY: Duration = Duration::from_millis(200);

/// How long an answer may take. With [`EVERY`] it is less than a second until
/// those who wait are told.
const PATIENCE: Duration = Duration::from_millis(650);

/// Says whether the database answers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pulse {
    /// `None` for SQLite, which is in this process.
    answers: Option<watch::Receiver<bool>>,
}

impl Pulse {
    /// Of a database within this process.
    pub(crate) fn always() -> Self {
        Self { answers: None }
    }

    /// Starts asking. It goes on while somebody holds the pulse, and finds by
    /// itself when the server is back.
    pub(crate) fn of(server: PgConnectOptions) -> Self {
        let (said, answers) = watch::channel(true);
        tokio::spawn(ask_on_and_on(server, said));
        Self {
            answers: Some(answers),
        }
    }

    /// Whether it answered when it was last asked.
    pub fn beats(&self) -> bool {
        self.answers
            .as_ref()
            .is_none_or(|answers| *answers.borrow())
    }

    /// Whether it is in another process, and so may stop at all.
    pub fn can_stop(&self) -> bool {
        self.answers.is_some()
    }

    /// Waits until the database does not answer; for ever while it does.
    pub async fn stops(&self) {
        if let Some(mut answers) = self.answers.clone()
            && answers.wait_for(|answers| !answers).await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}

async fn ask_on_and_on(server: PgConnectOptions, said: watch::Sender<bool>) {
    let mut connection = None;
    while !said.is_closed() {
        let answer = timeout(PATIENCE, ask(&server, &mut connection)).await;
        let reason = match answer {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer in time".to_owned()),
        };
        if reason.is_some() {
            // In doubt what it will say next: the next question has a new one.
            connection = None;
        }
        let changed = said.send_if_modified(|answers| {
            let changed = *answers != reason.is_none();
            *answers = reason.is_none();
            changed
        });
        match reason {
            Some(error) if changed => tracing::warn!(error, "the database does not answer"),
            None if changed => tracing::info!("the database answers again"),
            _ => {}
        }
        sleep(EVERY).await;
    }
}

async fn ask(
    server: &PgConnectOptions,
    connection: &mut Option<PgConnection>,
) -> Result<(), sqlx::Error> {
    match connection {
        Some(connection) => connection.ping().await,
        None => {
            *connection = Some(PgConnection::connect_with(server).await?);
            Ok(())
        }
    }
}
