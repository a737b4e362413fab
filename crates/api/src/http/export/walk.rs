//! Sources of the exported rows.

use tocsin_storage::alert_log::{AlertView, LogWalk};
use tocsin_storage::incidents::{IncidentView, IncidentWalk};
use tocsin_storage::{Db, StorageError};

use super::rows::Row;

/// Reads rows in chunks.
pub(super) trait Walk: Send + 'static {
    type Row: Row + Send;

    /// Returns the next rows, possibly none; `None` at the end.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    fn next(
        &mut self,
        db: &Db,
    ) -> impl Future<Output = Result<Option<Vec<Self::Row>>, StorageError>> + Send;
}

impl Walk for LogWalk {
    type Row = AlertView;

    async fn next(&mut self, db: &Db) -> Result<Option<Vec<AlertView>>, StorageError> {
        Self::next(self, db).await
    }
}

impl Walk for IncidentWalk {
    type Row = IncidentView;

    async fn next(&mut self, db: &Db) -> Result<Option<Vec<IncidentView>>, StorageError> {
        Self::next(self, db).await
    }
}
