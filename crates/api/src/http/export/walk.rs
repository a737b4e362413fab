//! What a file is made of, read chunk by chunk.

use tocsin_storage::alert_log::{AlertView, LogWalk};
use tocsin_storage::incidents::{IncidentView, IncidentWalk};
use tocsin_storage::{Db, StorageError};

use super::rows::Row;

/// What reads rows, chunk by chunk.
pub(super) trait Walk: Send + 'static {
    type Row: Row + Send;

    /// The next rows, maybe none; `None` at the end.
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
