//! Shared state of the handlers.

use std::sync::Arc;

use bytes::Bytes;
use tocsin_core::time::Timestamp;
use tocsin_pipeline::accounts::Accounts;
use tocsin_pipeline::{Clock, Pipeline};
use tocsin_storage::Db;
use tokio::sync::{Semaphore, watch};

use super::body::BodyMemory;
use super::export;
use super::limits::Limits;
use super::read_pool::ReadPool;
use super::static_files::{self, BrowserFiles};
use super::static_tokens::StaticTokens;
use super::stats;
use super::storage::Measured;
use super::stream_limits::StreamLimits;
use crate::config::Settings;
use crate::metrics::Metrics;
use crate::oidc::SingleSignOn;

/// State that is built once, before the server starts.
pub(crate) struct AppState {
    pub(crate) settings: Settings,
    /// Tokens of the settings.
    pub(crate) static_tokens: StaticTokens,
    /// Rate limits.
    pub(crate) limits: Limits,
    pub(crate) db: Db,
    pub(crate) pipeline: Pipeline,
    /// Users, sessions and tokens.
    pub(crate) accounts: Accounts,
    /// OpenID provider, if one is configured.
    pub(crate) oidc: Option<SingleSignOn>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    /// Size of the database, cached.
    pub(crate) measured: Measured,
    /// URL of the webhook.
    pub(crate) webhook_url: String,
    /// Static files of the frontend.
    pub(crate) files: BrowserFiles,
    /// `index.html`, with its base URL set.
    pub(crate) index: Bytes,
    /// Becomes true when the server stops, which ends event streams.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Limit on event streams.
    pub(crate) streams: Arc<StreamLimits>,
    /// Memory for request bodies other than deliveries.
    pub(crate) body_memory: BodyMemory,
    /// Thread pool for reads.
    pub(crate) read_pool: ReadPool,
    /// Limit on concurrent exports.
    pub(crate) exports: Arc<Semaphore>,
    /// Limit on concurrent statistics that are computed from the log.
    pub(crate) log_statistics: Semaphore,
}

impl AppState {
    /// # Errors
    /// Fails if the threads of the read pool cannot be started.
    pub(crate) fn new(
        settings: Settings,
        webhook_url: String,
        db: Db,
        pipeline: Pipeline,
        accounts: Accounts,
        clock: Arc<dyn Clock>,
        stopping: watch::Receiver<bool>,
    ) -> std::io::Result<Self> {
        let prefix = settings.public_url.as_ref().map_or("/", |url| url.path());
        Ok(Self {
            static_tokens: StaticTokens::of(&settings),
            limits: Limits::new(&settings.limits),
            files: BrowserFiles::NONE,
            index: static_files::index(BrowserFiles::NONE, prefix),
            metrics: Metrics::new(),
            measured: Measured::default(),
            streams: StreamLimits::new(settings.max_event_streams),
            body_memory: BodyMemory::default(),
            read_pool: ReadPool::start(settings.max_connections)?,
            exports: Arc::new(Semaphore::new(export::MAX_CONCURRENT)),
            log_statistics: Semaphore::new(stats::MAX_CONCURRENT),
            settings,
            webhook_url,
            db,
            pipeline,
            accounts,
            oidc: None,
            clock,
            stopping,
        })
    }

    /// Sets the OpenID provider.
    pub(crate) fn with_single_sign_on(self, oidc: Option<SingleSignOn>) -> Self {
        Self { oidc, ..self }
    }

    /// Sets the static files of the frontend.
    pub(crate) fn with_browser_files(self, files: BrowserFiles) -> Self {
        let index = static_files::index(files, self.prefix());
        Self {
            files,
            index,
            ..self
        }
    }

    /// Path prefix of all URLs: `/`, or the path of `server.public_url`.
    pub(crate) fn prefix(&self) -> &str {
        self.settings
            .public_url
            .as_ref()
            .map_or("/", |url| url.path())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
