//! Query plans, for the tests that no query scans a whole large table.

use std::sync::{Mutex, PoisonError};

use sea_orm::{QueryResult, Statement};

use crate::query::Connection;
use crate::{Backend, Db, Reads, StorageError};

/// A database handle for reading that records the plan of each statement.
#[derive(Debug)]
pub struct Explained {
    db: Db,
    plans: Mutex<Vec<QueryPlan>>,
}

/// A statement and its query plan.
#[derive(Clone, Debug)]
pub struct QueryPlan {
    /// The SQL statement.
    pub sql: String,
    /// The plan as the database prints it, line by line.
    pub lines: Vec<String>,
}

impl Explained {
    /// Wraps `db`.
    pub fn new(db: &Db) -> Self {
        Self {
            db: db.clone(),
            plans: Mutex::default(),
        }
    }

    /// Returns the plans recorded since the last call.
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
        let mut explained = statement.clone();
        explained.sql = format!("{explain} {}", statement.sql);
        let lines: Result<Vec<String>, _> = Connection::run(&self.db, explained)
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
