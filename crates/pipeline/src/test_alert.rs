//! Test alerts: one delivery that fires, and one a minute later that resolves. They use
//! the same path as all other deliveries.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tocsin_core::routing::TestTarget;
use tocsin_core::time::Timestamp;
use tocsin_storage::{Db, StorageError, test_alerts};

use crate::ingest::{Ingest, IngestError, Webhook};

/// Time until the resolution.
const RESOLVES_AFTER: Duration = Duration::from_secs(60);

/// A test alert.
#[derive(Clone, Debug)]
pub struct TestAlert {
    /// Source of the alert.
    pub source: String,
    /// Labels as a JSON object.
    pub labels: Value,
    /// Annotations as a JSON object.
    pub annotations: Value,
    /// Recipients, regardless of routes.
    pub target: Option<TestTarget>,
}

/// The pending resolution of a test alert, as stored.
#[derive(Debug, Serialize, Deserialize)]
struct Resolution {
    due: i64,
    source: String,
    body: Value,
    target: Option<TestTarget>,
}

impl TestAlert {
    fn body(&self, starts_at: Timestamp, ends_at: Option<Timestamp>) -> Value {
        let status = ends_at.map_or("firing", |_| "resolved");
        json!({
            "version": "4",
            "groupKey": "{}:{alertname=\"TocsinTest\"}",
            "status": status,
            "receiver": "tocsin",
            "externalURL": "",
            "alerts": [{
                "status": status,
                "labels": self.labels,
                "annotations": self.annotations,
                "startsAt": starts_at.to_datetime(),
                "endsAt": ends_at.map(Timestamp::to_datetime),
                "generatorURL": "",
            }],
        })
    }

    /// Stores the resolution, due after `RESOLVES_AFTER`, and returns the firing
    /// body.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn begin(&self, db: &Db, now: Timestamp) -> Result<String, StorageError> {
        let end = now.plus(RESOLVES_AFTER);
        let resolution = Resolution {
            due: end.as_micros(),
            source: self.source.clone(),
            body: self.body(now, Some(end)),
            target: self.target,
        };
        let id = format!("{:032x}", rand::random::<u128>());
        // Serializing JSON values does not fail.
        let value = serde_json::to_string(&resolution).unwrap_or_default();
        test_alerts::insert(db, &id, &value).await?;
        Ok(self.body(now, None).to_string())
    }
}

/// Resolves the test alerts that are due.
pub(crate) async fn resolve(db: &Db, ingest: &Ingest, now: Timestamp) -> Result<(), StorageError> {
    for pending in test_alerts::pending(db).await? {
        let Ok(resolution) = serde_json::from_str::<Resolution>(&pending.value) else {
            tracing::error!(name = pending.name, "a test alert cannot be resolved");
            test_alerts::delete(db, &pending).await?;
            continue;
        };
        if now.as_micros() < resolution.due {
            continue;
        }
        let webhook = Webhook {
            source: resolution.source,
            body: resolution.body.to_string().into(),
            space: ingest.permit(),
            target: resolution.target,
        };
        match ingest.store(webhook).await {
            // Two replicas may both send it; the second is a duplicate.
            Ok(_) | Err(IngestError::Malformed(_)) => test_alerts::delete(db, &pending).await?,
            // Retried at the next check.
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}
