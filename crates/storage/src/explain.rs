//! How the databases go about our queries, for the tests that none of them
//! reads a large table from one end to the other.

use std::sync::{Mutex, PoisonError};

use sea_orm::{QueryResult, Statement};

use crate::query::Connection;
use crate::{Backend, Db, Reads, StorageError};

/// A database to read from that notes how it goes about each statement.
#[derive(Debug)]
pub struct Explained {
    db: Db,
    plans: Mutex<Vec<QueryPlan>>,
}

/// A statement and how the database goes about it.
#[derive(Clone, Debug)]
pub struct QueryPlan {
    /// The statement.
    pub sql: String,
    /// The database's own words, line by line.
    pub lines: Vec<String>,
}

impl Explained {
    /// Reads from `db`.
    pub fn new(db: &Db) -> Self {
        Self {
            db: db.clone(),
            plans: Mutex::default(),
        }
    }

    /// What was noted since this was last asked.
    pub fn take(&self) -> Vec<QueryPlan> {
        std::mem::take(&mut *self.plans.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reads for Explained {}

impl Connection for Explained {
    fn backend(&self) -> Backend {
        self.db.backend()
    }

    fn note(&self, error: &StorageError, sql: &str) {
        Connection::note(&self.db, error, sql);
    }

    async fn run(&self, statement: Statement) -> Result<Vec<QueryResult>, StorageError> {
        let (explain, column) = match self.db.backend() {
            Backend::Sqlite => ("EXPLAIN QUERY PLAN", 3),
            Backend::Postgres => ("EXPLAIN", 0),
        };
        let mut asking = statement.clone();
        asking.sql = format!("{explain} {}", statement.sql);
        let lines: Result<Vec<String>, _> = Connection::run(&self.db, asking)
            .await?
            .iter()
            .map(|row| row.try_get_by_index(column))
            .collect();
        let plan = QueryPlan {
            sql: statement.sql.clone(),
            lines: lines?,
        };
        self.plans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(plan);
        Connection::run(&self.db, statement).await
    }
}
