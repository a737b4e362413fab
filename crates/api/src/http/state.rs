//! What handlers share.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use tocsin_core::time::Timestamp;
use tocsin_pipeline::{Clock, Pipeline};
use tocsin_storage::Db;
use tokio::sync::{Semaphore, watch};

use super::auth::Credentials;
use super::browser;
use super::export;
use super::storage::Measured;
use crate::config::Settings;
use crate::metrics::Metrics;

/// Built once, before the server starts.
pub(crate) struct AppState {
    pub(crate) settings: Settings,
    pub(crate) credentials: Credentials,
    pub(crate) db: Db,
    pub(crate) pipeline: Pipeline,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    /// How large the database is.
    pub(crate) measured: Measured,
    /// The address that Alertmanager should post to.
    pub(crate) webhook_url: String,
    /// The page, with its base set.
    pub(crate) index: Bytes,
    /// Turns true when the server stops, which ends event streams.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Event streams that are open.
    pub(crate) streams: AtomicUsize,
    /// Places for exports.
    pub(crate) exports: Arc<Semaphore>,
}

impl AppState {
    pub(crate) fn new(
        settings: Settings,
        webhook_url: String,
        db: Db,
        pipeline: Pipeline,
        clock: Arc<dyn Clock>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let prefix = settings.public_url.as_ref().map_or("/", |url| url.path());
        Self {
            credentials: Credentials::of(&settings),
            index: browser::index(prefix),
            metrics: Metrics::new(),
            measured: Measured::default(),
            streams: AtomicUsize::new(0),
            exports: Arc::new(Semaphore::new(export::AT_ONCE)),
            settings,
            webhook_url,
            db,
            pipeline,
            clock,
            stopping,
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
