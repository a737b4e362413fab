//! Bulk inserts that bypass the server: large statements without a journal for SQLite,
//! `COPY` for PostgreSQL. Indexes are created last.

use std::fmt::Write as _;

use anyhow::Context as _;
use sqlx::{Arguments as _, AssertSqlSafe, sqlite::SqliteArguments};

use crate::database::{Connection, DataDir, Kind};

/// A column value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Number)
    }
}

/// An insert statement for a number of rows.
pub(crate) fn insert(kind: Kind, table: &str, columns: &[&str], rows: u64) -> String {
    let mut sql = format!("INSERT INTO {table} ({}) VALUES ", columns.join(", "));
    let mut number = 0;
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns.len() {
            number += 1;
            let comma = if column == 0 { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = match kind {
                Kind::Sqlite => write!(sql, "{comma}?"),
                Kind::Postgres => write!(sql, "{comma}${number}"),
            };
        }
        sql.push(')');
    }
    sql
}

/// An open database, with its indexes dropped.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    /// Statements that create the indexes.
    indexes: Vec<String>,
    filled: Vec<&'static str>,
}

impl Store {
    /// Connects, and drops the indexes.
    ///
    /// # Errors
    /// If the database returns an error.
    pub(crate) async fn open(data_dir: &DataDir) -> anyhow::Result<Self> {
        let mut connection = data_dir.connect().await?;
        let find = match data_dir.kind {
            Kind::Sqlite => {
                connection
                    .run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; PRAGMA temp_store = FILE")
                    .await?;
                "SELECT name || '|' || sql, 0 FROM sqlite_master \
                 WHERE type = 'index' AND sql IS NOT NULL"
            }
            Kind::Postgres => {
                connection.run("SET maintenance_work_mem = '1GB'").await?;
                "SELECT indexname || '|' || indexdef, CAST(0 AS BIGINT) FROM pg_indexes \
                 WHERE schemaname = 'public' AND indexname NOT IN \
                 (SELECT CAST(conname AS TEXT) FROM pg_constraint)"
            }
        };
        let mut indexes = Vec::new();
        for (index, _) in connection.rows(find).await? {
            let (name, sql) = index.split_once('|').context("an index without a name")?;
            connection.run(&format!("DROP INDEX {name}")).await?;
            indexes.push(sql.to_owned());
        }
        Ok(Self {
            connection,
            indexes,
            filled: Vec::new(),
        })
    }

    /// Inserts all rows.
    ///
    /// # Errors
    /// If the database rejects a row.
    pub(crate) async fn fill(
        &mut self,
        table: &'static str,
        columns: &[&str],
        rows: impl Iterator<Item = Vec<Value>>,
    ) -> anyhow::Result<()> {
        if columns.contains(&"id") {
            self.filled.push(table);
        }
        let result = match &mut self.connection {
            Connection::Sqlite(_) => self.insert(table, columns, rows).await,
            Connection::Postgres(_) => self.copy(table, columns, rows).await,
        };
        result.with_context(|| format!("writing {table}"))
    }

    async fn insert(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: impl Iterator<Item = Vec<Value>>,
    ) -> anyhow::Result<()> {
        // A statement can have at most 32,766 parameters.
        let batch = (30_000 / columns.len()).min(500);
        let full = insert(Kind::Sqlite, table, columns, batch as u64);
        let mut rows = rows.peekable();
        let Connection::Sqlite(sqlite) = &mut self.connection else {
            return Ok(());
        };
        sqlx::query("BEGIN").execute(&mut *sqlite).await?;
        while rows.peek().is_some() {
            let mut arguments = SqliteArguments::default();
            let mut count = 0;
            for row in rows.by_ref().take(batch) {
                count += 1;
                for value in row {
                    match value {
                        Value::Null => arguments.add(None::<i64>),
                        Value::Number(number) => arguments.add(number),
                        Value::Text(text) => arguments.add(text),
                        Value::Bytes(bytes) => arguments.add(bytes),
                    }
                    .map_err(anyhow::Error::from_boxed)?;
                }
            }
            let sql = match count {
                count if count == batch => full.clone(),
                count => insert(Kind::Sqlite, table, columns, count as u64),
            };
            sqlx::query_with(AssertSqlSafe(sql), arguments)
                .execute(&mut *sqlite)
                .await?;
        }
        sqlx::query("COMMIT").execute(sqlite).await?;
        Ok(())
    }

    async fn copy(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: impl Iterator<Item = Vec<Value>>,
    ) -> anyhow::Result<()> {
        let Connection::Postgres(postgres) = &mut self.connection else {
            return Ok(());
        };
        let sql = format!("COPY {table} ({}) FROM STDIN", columns.join(", "));
        let mut copy = postgres.copy_in_raw(&sql).await?;
        let mut buffer = String::new();
        for row in rows {
            for (index, value) in row.iter().enumerate() {
                if index > 0 {
                    buffer.push('\t');
                }
                value.write(&mut buffer);
            }
            buffer.push('\n');
            if buffer.len() > 1 << 20 {
                copy.send(buffer.as_bytes()).await?;
                buffer.clear();
            }
        }
        copy.send(buffer.as_bytes()).await?;
        copy.finish().await?;
        Ok(())
    }

    /// Creates the indexes, and updates the sequences and planner statistics.
    ///
    /// # Errors
    /// If an index cannot be created.
    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        for sql in &self.indexes {
            self.connection.run(sql).await?;
        }
        match self.connection {
            Connection::Sqlite(_) => self.connection.run("PRAGMA journal_mode = WAL").await,
            Connection::Postgres(_) => {
                for table in &self.filled {
                    let sql = format!(
                        "SELECT setval(pg_get_serial_sequence('{table}', 'id'), MAX(id)) \
                         FROM {table} HAVING MAX(id) > 0"
                    );
                    self.connection.run(&sql).await?;
                }
                self.connection.run("VACUUM ANALYZE").await?;
                self.connection.run("CHECKPOINT").await
            }
        }
    }
}

impl Value {
    /// Writes the value in the text format of `COPY`.
    fn write(&self, to: &mut String) {
        // Writing to a String cannot fail.
        let _ = match self {
            Self::Null => write!(to, "\\N"),
            Self::Number(number) => write!(to, "{number}"),
            Self::Text(text) => {
                for c in text.chars() {
                    match c {
                        '\\' => to.push_str("\\\\"),
                        '\t' => to.push_str("\\t"),
                        '\n' => to.push_str("\\n"),
                        '\r' => to.push_str("\\r"),
                        c => to.push(c),
                    }
                }
                Ok(())
            }
            Self::Bytes(bytes) => {
                to.push_str("\\\\x");
                bytes.iter().try_for_each(|byte| write!(to, "{byte:02x}"))
            }
        };
    }
}
