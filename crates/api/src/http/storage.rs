//! Size of the database, and its forecast.

use std::sync::Arc;
use std::time::Duration;

use actix_web::get;
use actix_web::web::{Data, Json};
use tocsin_api_types::{StorageForecast, StoragePart, StorageStatus};
use tocsin_core::time::Timestamp;
use tocsin_storage::StorageError;
use tocsin_storage::storage_usage::{self, Kept, Part, StorageUsage};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::params::Params;
use super::problem::ApiError;
use super::state::AppState;

/// Time for which a measurement is cached.
const MAX_AGE: Duration = Duration::from_secs(60);

/// Forecast horizons, in days.
pub(crate) const DAYS: [u32; 2] = [30, 365];

/// Cache of the last measurement.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    last: Mutex<Option<(Instant, Arc<Measurement>)>>,
}

/// Measured sizes and the forecast.
#[derive(Debug)]
pub(crate) struct Measurement {
    pub(crate) at: Timestamp,
    pub(crate) sizes: StorageUsage,
    /// Forecast size in bytes for each of [`DAYS`].
    pub(crate) forecast: [i64; DAYS.len()],
}

impl Measured {
    /// Returns the cached measurement, or measures again after [`MAX_AGE`]. Concurrent requests
    /// share one measurement.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub(crate) async fn get(&self, state: &AppState) -> Result<Arc<Measurement>, StorageError> {
        let mut last = self.last.lock().await;
        if let Some((at, measurement)) = &*last
            && at.elapsed() < MAX_AGE
        {
            return Ok(Arc::clone(measurement));
        }
        let now = state.now();
        let retention = &state.settings.retention;
        let sizes = storage_usage::measure(&state.db, now, &retention.log).await?;
        let kept = Kept {
            deliveries: retention.deliveries,
            bodies: Some(retention.raw_bodies),
            mails: retention.mails,
        };
        let measurement = Arc::new(Measurement {
            at: now,
            forecast: DAYS.map(|days| storage_usage::forecast(&sizes, &kept, now, days)),
            sizes,
        });
        *last = Some((Instant::now(), Arc::clone(&measurement)));
        Ok(measurement)
    }
}

/// Returns the size of the database by part, and a forecast from the recent growth.
#[utoipa::path(
    tag = "system",
    operation_id = "get_storage",
    responses((status = 200, description = "The sizes", body = StorageStatus))
)]
#[get("/api/v1/storage")]
async fn get(state: Data<AppState>, _: Params<()>) -> Result<Json<StorageStatus>, ApiError> {
    let measurement = state.measured.get(&state).await?;
    let sizes = &measurement.sizes;
    let parts = Part::ALL.map(|part| StoragePart {
        name: part.word().to_owned(),
        bytes: sizes.part(part),
    });
    let forecast = DAYS.into_iter().zip(measurement.forecast);
    Ok(Json(StorageStatus {
        measured_at: measurement.at.to_datetime(),
        bytes: sizes.bytes,
        free_bytes: sizes.free,
        parts: parts.to_vec(),
        log_entries: sizes.entries,
        log_entries_per_day: sizes.entries_a_day,
        bytes_per_log_entry: sizes.bytes_an_entry(),
        oldest_log_entry: sizes.oldest_entry.map(|time| time.to_datetime()),
        forecast: forecast
            .map(|(days, bytes)| StorageForecast { days, bytes })
            .collect(),
    }))
}
