//! Returns freed space to the operating system. PostgreSQL reuses it by itself
//! (autovacuum); SQLite does so in the steps here.

use crate::{Backend, Db, StorageError, Tx, query};

/// Space usage of an SQLite file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FreeSpace {
    /// Page size in bytes.
    pub page_bytes: i64,
    /// Pages in the file.
    pub pages: i64,
    /// Unused pages.
    pub free: i64,
}

/// Returns the space usage of the file; `None` on PostgreSQL.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn space(db: &Db) -> Result<Option<FreeSpace>, StorageError> {
    if db.backend() != Backend::Sqlite {
        return Ok(None);
    }
    let sql = "SELECT (SELECT page_size FROM pragma_page_size) AS page_bytes, \
               (SELECT page_count FROM pragma_page_count) AS pages, \
               (SELECT freelist_count FROM pragma_freelist_count) AS free";
    #[derive(sea_orm::FromQueryResult)]
    struct Row {
        page_bytes: i64,
        pages: i64,
        free: i64,
    }
    let row: Option<Row> = query::first(db, sql, vec![]).await?;
    Ok(row.map(|row| FreeSpace {
        page_bytes: row.page_bytes,
        pages: row.pages,
        free: row.free,
    }))
}

/// Truncates up to `pages` free pages off an SQLite file; does nothing on PostgreSQL.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn release(tx: &Tx, pages: u32) -> Result<(), StorageError> {
    if tx.backend == Backend::Sqlite {
        // One page is released per row that the statement returns, so all rows must be
        // read.
        let sql = format!("PRAGMA incremental_vacuum({pages})");
        tx.execute(&sql, vec![]).await?;
    }
    Ok(())
}
