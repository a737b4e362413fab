//! Giving the disk back what retention has freed. PostgreSQL does so by itself
//! (autovacuum makes the space usable again); SQLite in the steps here.

use crate::{Backend, Db, StorageError, Tx, query};

/// How much of an SQLite file is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FreeSpace {
    /// Bytes of a page.
    pub page_bytes: i64,
    /// Pages of the file.
    pub pages: i64,
    /// Those of them that hold nothing.
    pub free: i64,
}

/// How much of the file is in use; `None` on PostgreSQL.
///
/// # Errors
/// Whatever the database answers.
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

/// Cuts up to `pages` free pages off an SQLite file; does nothing on PostgreSQL.
///
/// # Errors
/// Whatever the database answers.
pub async fn release(tx: &Tx, pages: u32) -> Result<(), StorageError> {
    if tx.backend == Backend::Sqlite {
        // A page goes with each row that the statement yields: all are read.
        let sql = format!("PRAGMA incremental_vacuum({pages})");
        tx.execute(&sql, vec![]).await?;
    }
    Ok(())
}
