//! `tocsin serve`: starts all parts of the program.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{HttpServer, web};
use tocsin_core::time::Timestamp;
use tocsin_mailer::{FileLimits, FileMailer, Mailer, Renderer, SmtpMailer};
use tocsin_pipeline::accounts::{Accounts, AccountsSettings};
use tocsin_pipeline::{Clock, Pipeline, PipelineSettings, SystemClock};
use tocsin_storage::{Db, DbSettings};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::banner::{Banner, IngestToken, SignInHint};
use crate::config::{ConfigError, Settings};
use crate::demo;
use crate::descriptors;
use crate::http::{self, AppState, BrowserFiles};
use crate::instance_lock;
use crate::oidc::SingleSignOn;
use crate::private;
use crate::tls::{self, Certificate};

/// Why the program ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// An invalid setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] tocsin_storage::StorageError),
    /// A change was rejected.
    #[error(transparent)]
    Change(#[from] tocsin_pipeline::ChangeError),
    /// No user has this e-mail address.
    #[error("no such user: {0}")]
    NoUser(String),
    /// An archive that cannot be read.
    #[error(transparent)]
    Import(#[from] tocsin_pipeline::archive::ImportError),
    /// A system call failed.
    #[error("{what}: {source}")]
    System {
        /// The operation.
        what: String,
        /// The system's error.
        source: std::io::Error,
    },
}

impl Failure {
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        |source| Self::System { what, source }
    }
}

/// Runs the server until the process is asked to stop.
///
/// # Errors
/// The part that failed to start.
pub(crate) async fn serve(settings: Settings, files: BrowserFiles) -> Result<(), Failure> {
    settings.prepare_data_dir()?;
    let _alone = settings
        .sqlite_file()
        .map(instance_lock::take)
        .transpose()?;
    private::restrict_to_owner(&settings);
    let mailer = mailer(&settings)?;
    let renderer = renderer(&settings)?;
    let single_sign_on = single_sign_on(&settings)?;
    let certificate = certificate(&settings)?;
    let listener = listen(&settings)?;
    let address = listener
        .local_addr()
        .map_err(Failure::system("reading the listen address"))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (db, to_come) = database_of(&settings, clock.now()).await?;
    let accounts = accounts(&settings, &db, &clock);
    let sign_in = sign_in_hint(&settings, &accounts).await?;
    let ingest = ingest(&settings, &accounts).await?;
    let rules = pipeline_settings(&settings);
    let pipeline = Pipeline::start(db.clone(), mailer, renderer, Arc::clone(&clock), rules).await?;

    let (stop, stopping) = watch::channel(false);
    let timeout = settings.drain_timeout;
    let state = AppState::new(
        settings.clone(),
        settings.webhook_url(address),
        db.clone(),
        pipeline.clone(),
        accounts,
        clock,
        stopping,
    )
    .map_err(Failure::system("starting threads"))?;
    let state = state
        .with_single_sign_on(single_sign_on)
        .with_browser_files(files);
    let state = web::Data::new(state);
    let server = server(&settings, state, listener, certificate.clone())
        .map_err(Failure::system(format!("listening on {address}")))?;
    let handle = server.handle();
    let renewal = tokio::spawn(async move {
        if let Some(certificate) = certificate {
            certificate.follow().await;
        }
    });
    let running = tokio::spawn(server);
    let demo = tokio::spawn(demo::play_live(
        to_come,
        db.clone(),
        pipeline.clone(),
        settings.clone(),
    ));

    let banner = Banner {
        settings: &settings,
        address,
        sign_in,
        ingest,
    };
    // Standard output may be closed, which does not prevent serving.
    let _ = writeln!(std::io::stdout(), "{banner}");
    tracing::info!(%address, "serving");
    let has_died = tokio::select! {
        ended = wait_for_end() => {
            ended?;
            false
        }
        () = pipeline.died() => {
            tracing::error!("a worker has ended; shutting down");
            true
        }
    };

    drain(&stop, &pipeline, &handle, timeout).await;
    demo.abort();
    renewal.abort();
    if let Ok(Err(error)) = running.await {
        return Err(Failure::system("serving")(error));
    }
    close(db).await;
    tracing::info!("stopped");
    if has_died {
        let died = std::io::Error::other("a worker has ended; its message is in the log");
        return Err(Failure::system("running the workers")(died));
    }
    Ok(())
}

/// Opens the database; for a demo, fills it and returns the remaining steps.
async fn database_of(
    settings: &Settings,
    now: Timestamp,
) -> Result<(Db, Vec<demo::Step>), Failure> {
    if !settings.demo {
        return Ok((Db::open(&database(settings)).await?, Vec::new()));
    }
    let _ = writeln!(
        std::io::stdout(),
        "Generating {} days of sample history …",
        demo::DAYS
    );
    demo::clear(settings)?;
    let db = Db::open(&database(settings)).await?;
    let to_come = demo::fill(settings, pipeline_settings(settings), &db, now).await?;
    Ok((db, to_come))
}

/// Determines how to sign in: for a demo, with a new account; by a setup link while there is no
/// administrator.
async fn sign_in_hint(settings: &Settings, accounts: &Accounts) -> Result<SignInHint, Failure> {
    if settings.demo {
        let password = demo::administrator(accounts).await?;
        return Ok(SignInHint::Demo(password));
    }
    if let Some(token) = accounts.setup_link().await? {
        return Ok(SignInHint::SetUp(token));
    }
    Ok(match accounts.has_admin().await? {
        true => SignInHint::SignIn,
        // A group of the provider or a command creates administrators.
        false => SignInHint::NoAdmin,
    })
}

/// The token for alertmanager.yml.
async fn ingest(settings: &Settings, accounts: &Accounts) -> Result<IngestToken, Failure> {
    if !settings.tokens.is_empty() {
        return Ok(IngestToken::Configured);
    }
    Ok(match accounts.has_ingest_token().await? {
        true => IngestToken::Created,
        false if settings.is_on_loopback() => IngestToken::NotNeeded,
        false => IngestToken::Missing,
    })
}

/// Maximum time for the head of a request to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

fn server(
    settings: &Settings,
    state: web::Data<AppState>,
    listener: TcpListener,
    certificate: Option<Arc<Certificate>>,
) -> std::io::Result<Server> {
    let workers = settings
        .workers
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    let connections = usize::try_from(descriptors::connections(settings)).unwrap_or(usize::MAX);
    let server = HttpServer::new(move || http::app(state.clone()))
        .workers(workers)
        // For each worker.
        .max_connections((connections / workers).max(1))
        // The head of a request needs no credentials.
        .client_request_timeout(HEAD_TIMEOUT)
        // Responses are small, and complete when they are written.
        .tcp_nodelay(true)
        // When a browser disconnects, its event stream ends at once instead of at the next failed
        // heartbeat.
        .h1_allow_half_closed(false)
        .shutdown_timeout(settings.drain_timeout.as_secs().max(1))
        .disable_signals();
    let server = match certificate {
        Some(certificate) => {
            let config = tls::server_config(certificate).map_err(std::io::Error::other)?;
            server.listen_rustls_0_23(listener, config)?
        }
        None => server.listen(listener)?,
    };
    Ok(server.run())
}

/// Stops the pipeline first: it answers accepted requests while connections and their threads still
/// exist. Then stops the connections. Takes `timeout` at most.
async fn drain(
    stop: &watch::Sender<bool>,
    pipeline: &Pipeline,
    server: &ServerHandle,
    timeout: Duration,
) {
    tracing::info!("stopping");
    let end = Instant::now() + timeout;
    // All receivers may have been dropped.
    let _ = stop.send(true);
    if timeout_at(end, pipeline.shutdown()).await.is_err() {
        tracing::warn!("the workers did not stop in time");
    }
    if timeout_at(end, server.stop(true)).await.is_err() {
        tracing::warn!("some connections did not close in time");
        server.stop(false).await;
    }
}

/// Closing waits for running queries, which would take forever if the server does not answer.
async fn close(db: Db) {
    const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
    if tokio::time::timeout(CLOSE_TIMEOUT, db.close())
        .await
        .is_err()
    {
        tracing::warn!("the database connections did not close in time");
    }
}

async fn wait_for_end() -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::system("signals"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::system("signals"))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// The TLS certificate, if configured.
fn certificate(settings: &Settings) -> Result<Option<Arc<Certificate>>, ConfigError> {
    let read = settings.tls.as_ref().map(Certificate::read).transpose()?;
    Ok(read.map(Arc::new))
}

fn listen(settings: &Settings) -> Result<TcpListener, Failure> {
    TcpListener::bind(settings.listen).map_err(|error| {
        let message = format!("cannot listen on {}: {error}", settings.listen);
        ConfigError::new("server.listen", message).into()
    })
}

/// Creates the mail renderer.
///
/// # Errors
/// An invalid template.
pub(crate) fn renderer(settings: &Settings) -> Result<Renderer, ConfigError> {
    Renderer::new(settings.template_dir.as_deref())
        .map_err(|error| ConfigError::new("mail.template_dir", error.to_string()))
}

fn mailer(settings: &Settings) -> Result<Arc<dyn Mailer>, Failure> {
    if let Some(smtp) = &settings.smtp {
        let mailer = SmtpMailer::new(smtp)
            .map_err(|error| ConfigError::new("mail.smtp", error.to_string()))?;
        return Ok(Arc::new(mailer));
    }
    let (max_files, max_bytes) = settings.mail_files;
    let mailer = FileMailer::new(
        settings.mail_dir(),
        FileLimits {
            max_files,
            max_bytes,
        },
    )
    .map_err(|error| {
        ConfigError::new(
            "data_dir",
            format!("{}: {error}", settings.mail_dir().display()),
        )
    })?;
    Ok(Arc::new(mailer))
}

/// How long startup waits for the database, and a query for a free connection. An unreachable
/// server is detected earlier (`Db::health`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The OpenID provider, if configured.
fn single_sign_on(settings: &Settings) -> Result<Option<SingleSignOn>, ConfigError> {
    let provider = settings.auth.oidc.as_ref().map(SingleSignOn::new);
    provider
        .transpose()
        .map_err(|error| ConfigError::new("auth.oidc.ca_file", error.to_string()))
}

/// The database settings.
pub(crate) fn database(settings: &Settings) -> DbSettings {
    DbSettings {
        url: settings.database_url.clone(),
        max_connections: settings.max_connections,
        connect_timeout: CONNECT_TIMEOUT,
    }
}

/// The settings of the use cases.
pub(crate) fn pipeline_settings(settings: &Settings) -> PipelineSettings {
    PipelineSettings {
        rules: tocsin_core::lifecycle::DedupSettings {
            window: settings.window,
            stale_after: settings.stale_after,
        },
        expire_after: settings.expire_after,
        team_label: settings.team_label.clone(),
        queue_bytes: settings.queue_bytes,
        cache_entries: settings.cache_entries,
        writers: settings.ingest_writers,
        retention: settings.retention.clone(),
        refused_bytes: settings.refused_bytes,
        from: settings.from.clone(),
        public_url: settings.public_url.as_ref().map(|url| url.url().clone()),
    }
}

/// The accounts of a database.
pub(crate) fn accounts(settings: &Settings, db: &Db, clock: &Arc<dyn Clock>) -> Accounts {
    let rules = AccountsSettings {
        session_idle: settings.auth.session_idle,
        session_lifetime: settings.auth.session_lifetime,
        password_sign_in: settings.auth.password_sign_in,
    };
    Accounts::new(db.clone(), Arc::clone(clock), rules)
}
