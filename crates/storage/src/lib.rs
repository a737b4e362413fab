//! Tocsin's storage: queries and changes behind [`Db`] and [`Tx`], the same on
//! SQLite and PostgreSQL.
//!
//! No other crate (but the migrations) names the database library. Functions
//! that read take a [`Db`]; functions that change take the caller's [`Tx`], so
//! that a caller composes them into one transaction. What is not found is
//! `Ok(None)`.
//!
//! To add one more query: find the module named after its noun, build the SQL
//! there with bound values only, and test it in `tests/` on both databases.

pub mod accounts;
mod acknowledge;
pub mod alerts;
pub mod archive;
pub mod audit;
pub mod backlog;
mod budget;
pub mod changes;
pub mod codes;
mod connect;
mod count;
mod cursor;
mod damage;
mod db;
pub mod deliveries;
pub mod directory;
pub mod ending;
mod error;
mod events;
#[doc(hidden)]
pub mod explain;
mod files;
mod filter;
pub mod incidents;
pub mod ingest;
mod later;
pub mod notifications;
pub mod once;
pub mod outbox;
mod pulse;
mod query;
mod resend;
pub mod rollups;
mod scan;
pub mod search;
mod settled;
pub mod sizes;
mod sql;
pub mod stats;
mod telling;
pub mod test_alerts;
mod timeline;
pub mod turns;
pub mod upkeep;

pub use budget::ReadBudget;
pub use count::{BOUND as COUNT_BOUND, Count};
pub use cursor::{InvalidCursor, MAX_LIMIT, Order, Page, PageRequest, SortKey};
pub use damage::Finding;
pub use db::{Backend, Db, DbSettings, Schema, Tx};
pub use error::StorageError;
pub use files::{FileProblem, Found};
pub use filter::{AlertCriteria, AlertFilter, IncidentFilter, TimeRange};
pub use pulse::{Outage, Pulse};
pub use query::Reads;
pub use scan::Effort;
pub use telling::Telling;
