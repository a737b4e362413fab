//! Storage for Tocsin: queries and changes behind [`Db`] and [`Tx`], the same on
//! SQLite and PostgreSQL.
//!
//! Except for the migrations, no other crate uses the database library. Functions
//! that read take a [`Db`]. Functions that change data take the caller's [`Tx`], so
//! that a caller can combine them in one transaction. A missing row is `Ok(None)`.
//!
//! To add a query, find the module named after its noun, build the SQL there with
//! bound values only, and test it in `tests/` on both databases.

pub mod accounts;
mod acknowledge;
pub mod alert_log;
pub mod archive;
pub mod audit;
mod budget;
pub mod changes;
mod connect;
mod content;
mod count;
mod cursor;
mod damage;
mod db;
mod deferred;
pub mod deliveries;
pub mod directory;
pub mod ending;
pub mod enums;
mod error;
mod events;
#[doc(hidden)]
pub mod explain;
mod feed_horizon;
mod files;
mod filter;
mod health;
pub mod idempotency;
pub mod incidents;
pub mod ingest;
pub mod leader_lock;
pub mod notifications;
pub mod outbox;
pub mod projection_queue;
mod query;
mod resend;
pub mod retention;
pub mod rollups;
mod scan;
pub mod search;
mod sql;
pub mod stats;
pub mod storage_usage;
pub mod test_alerts;
mod timeline;

pub use budget::ReadBudget;
pub use content::AlertContent;
pub use count::{BOUND as COUNT_BOUND, Count};
pub use cursor::{InvalidCursor, MAX_LIMIT, Order, Page, PageRequest, SortKey};
pub use damage::Finding;
pub use db::{Backend, Db, DbSettings, Schema, Tx};
pub use error::StorageError;
pub use files::{FileProblem, Found};
pub use filter::{AlertCriteria, AlertFilter, IncidentFilter, TimeRange};
pub use health::{DatabaseHealth, Outage};
pub use query::Reads;
pub use scan::ScanBudget;
