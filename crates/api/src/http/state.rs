//! What handlers share.

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

/// Built once, before the server starts.
pub(crate) struct AppState {
    pub(crate) settings: Settings,
    /// The tokens of the settings.
    pub(crate) provisioned: StaticTokens,
    /// How much each caller asks for.
    pub(crate) limits: Limits,
    pub(crate) db: Db,
    pub(crate) pipeline: Pipeline,
    /// Users, their sessions, and tokens.
    pub(crate) accounts: Accounts,
    /// The OpenID provider, if one is set.
    pub(crate) oidc: Option<SingleSignOn>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    /// How large the database is.
    pub(crate) measured: Measured,
    /// The address that Alertmanager should post to.
    pub(crate) webhook_url: String,
    /// The browser files.
    pub(crate) files: BrowserFiles,
    /// The page, with its base set.
    pub(crate) index: Bytes,
    /// Turns true when the server stops, which ends event streams.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Places for event streams.
    pub(crate) seats: Arc<StreamLimits>,
    /// Memory for bodies that are no deliveries.
    pub(crate) body_memory: BodyMemory,
    /// Where what people read is read.
    pub(crate) read_pool: ReadPool,
    /// Places for exports.
    pub(crate) exports: Arc<Semaphore>,
    /// Places for statistics that are counted from the log itself.
    pub(crate) counts: Semaphore,
}

impl AppState {
    /// # Errors
    /// Threads that cannot be started.
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
            provisioned: StaticTokens::of(&settings),
            limits: Limits::new(&settings.limits),
            files: BrowserFiles::NONE,
            index: static_files::index(BrowserFiles::NONE, prefix),
            metrics: Metrics::new(),
            measured: Measured::default(),
            seats: StreamLimits::new(settings.max_event_streams),
            body_memory: BodyMemory::default(),
            read_pool: ReadPool::start(settings.max_connections)?,
            exports: Arc::new(Semaphore::new(export::AT_ONCE)),
            counts: Semaphore::new(stats::AT_ONCE),
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

    /// With the provider through which people may come in.
    pub(crate) fn with_single_sign_on(self, oidc: Option<SingleSignOn>) -> Self {
        Self { oidc, ..self }
    }

    /// With the files of the browser program.
    pub(crate) fn with_browser_files(self, files: BrowserFiles) -> Self {
        let index = static_files::index(files, self.prefix());
        Self {
            files,
            index,
            ..self
        }
    }

    /// The path that all addresses begin with: `/`, or that of
    /// `server.public_url`.
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
