//! Statistics.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{Datelike, Timelike};
use chrono_tz::Tz;
use tocsin_api_types::{Bucket, Count, Heatmap, Summary, Timeline, TimelinePoint, Top, TopBy};
use tocsin_core::alert::Status;
use tocsin_core::time::Timestamp;
use tocsin_storage::stats;
use tokio::sync::SemaphorePermit;
use utoipa::IntoParams;

use super::caller::Caller;
use super::filters::Between;
use super::params::{FromQuery, Params, Query, one_of};
use super::problem::ApiError;
use super::read_pool::Reader;
use super::state::AppState;

/// Maximum number of concurrent statistics that are computed from the log, which takes seconds
/// for millions of entries. Further requests wait.
pub(crate) const MAX_CONCURRENT: usize = 2;

/// Waits for a permit, for callers who see only some alerts. For all alerts, rollups are used.
async fn permit<'a>(state: &'a AppState, caller: &Caller) -> Option<SemaphorePermit<'a>> {
    match caller.visibility.is_everything() {
        true => None,
        // Never closed.
        false => state.log_statistics.acquire().await.ok(),
    }
}

/// Returns the counts of a time range.
#[utoipa::path(
    tag = "statistics",
    operation_id = "get_summary",
    params(Between),
    responses((status = 200, description = "The counts", body = Summary))
)]
#[get("/api/v1/stats/summary")]
async fn summary(
    state: Data<AppState>,
    caller: Caller,
    reader: Reader,
    Params(between): Params<Between>,
) -> Result<Json<Summary>, ApiError> {
    let _permit = permit(&state, &caller).await;
    let (range, now, stale_after) = (between.range(), state.now(), state.settings.stale_after);
    let found = reader.read(move |db| async move {
        let found = stats::summary(&db, &caller.visibility, range, now, stale_after);
        Ok(found.await?)
    });
    let found = found.await?;
    let noise_ratio = found.noise_ratio();
    let stats::Summary {
        deliveries,
        log_entries,
        incidents,
        open,
        stale,
        unacknowledged,
        by_severity,
        by_status,
        by_team,
    } = found;
    let by_status = by_status.into_iter().map(|(status, count)| {
        let value = match status {
            Status::Firing => "firing",
            Status::Resolved => "resolved",
        };
        Count {
            value: value.to_owned(),
            count,
        }
    });
    Ok(Json(Summary {
        from: between.from,
        to: between.to,
        deliveries,
        log_entries,
        incidents,
        open,
        stale,
        unacknowledged,
        noise_ratio,
        by_severity: counts(by_severity),
        by_status: by_status.collect(),
        by_team: counts(by_team),
    }))
}

fn counts(found: Vec<stats::Count>) -> Vec<Count> {
    found
        .into_iter()
        .map(|stats::Count { value, count }| Count { value, count })
        .collect()
}

/// Label to count by, and number of values.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct TopParams {
    /// Label to count by. Defaults to `alertname`.
    #[param(inline)]
    by: Option<TopBy>,
    /// Maximum number of values.
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: Option<u32>,
}

impl FromQuery for TopParams {
    fn read(query: &mut Query) -> Self {
        const BY: &[(&str, TopBy)] = &[
            ("alertname", TopBy::Alertname),
            ("instance", TopBy::Instance),
            ("team", TopBy::Team),
        ];
        let by = query.parse("by", one_of(BY));
        Self {
            by,
            limit: query
                .number("limit", 1, 100)
                .and_then(|limit| limit.try_into().ok()),
        }
    }
}

/// Returns the most frequent values of a label.
#[utoipa::path(
    tag = "statistics",
    operation_id = "get_top",
    params(TopParams, Between),
    responses((status = 200, description = "The values, most frequent first", body = Top))
)]
#[get("/api/v1/stats/top")]
async fn top(
    state: Data<AppState>,
    caller: Caller,
    reader: Reader,
    Params((params, between)): Params<(TopParams, Between)>,
) -> Result<Json<Top>, ApiError> {
    let by = params.by.unwrap_or(TopBy::Alertname);
    let column = match by {
        TopBy::Alertname => stats::TopBy::Alertname,
        TopBy::Instance => stats::TopBy::Instance,
        TopBy::Team => stats::TopBy::Team,
    };
    let _permit = permit(&state, &caller).await;
    let (range, limit) = (between.range(), params.limit.unwrap_or(10));
    let items = reader.read(move |db| async move {
        let found = stats::top(&db, &caller.visibility, column, range, limit);
        Ok(counts(found.await?))
    });
    Ok(Json(Top {
        by,
        items: items.await?,
    }))
}

/// Bucket size parameter.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct BucketSize {
    /// Size of a bucket. Defaults to `hour`.
    #[param(inline)]
    bucket: Option<Bucket>,
}

impl FromQuery for BucketSize {
    fn read(query: &mut Query) -> Self {
        const BUCKETS: &[(&str, Bucket)] = &[("hour", Bucket::Hour), ("day", Bucket::Day)];
        Self {
            bucket: query.parse("bucket", one_of(BUCKETS)),
        }
    }
}

/// Returns the number of log entries over time.
#[utoipa::path(
    tag = "statistics",
    operation_id = "get_timeline",
    params(BucketSize, Between),
    responses((status = 200, description = "The points, oldest first", body = Timeline))
)]
#[get("/api/v1/stats/timeline")]
async fn timeline(
    state: Data<AppState>,
    caller: Caller,
    reader: Reader,
    Params((size, between)): Params<(BucketSize, Between)>,
) -> Result<Json<Timeline>, ApiError> {
    let bucket = size.bucket.unwrap_or_default();
    let stats_bucket = match bucket {
        Bucket::Hour => stats::Bucket::Hour,
        Bucket::Day => stats::Bucket::Day,
    };
    let _permit = permit(&state, &caller).await;
    let range = between.range();
    let found = reader.read(move |db| async move {
        let found = stats::timeline(&db, &caller.visibility, stats_bucket, range);
        Ok(found.await?)
    });
    let stats::Timeline { points } = found.await?;
    let points = points.into_iter().map(|point| {
        let stats::TimelinePoint {
            at,
            firing,
            resolved,
            by_severity,
        } = point;
        TimelinePoint {
            at: at.to_datetime(),
            firing,
            resolved,
            by_severity: counts(by_severity),
        }
    });
    Ok(Json(Timeline {
        bucket,
        points: points.collect(),
    }))
}

/// Time zone parameter.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct Zone {
    /// IANA time zone, such as `Asia/Shanghai`. Defaults to `UTC`.
    #[param(rename = "timeZone", value_type = Option<String>)]
    time_zone: Option<Tz>,
}

impl FromQuery for Zone {
    fn read(query: &mut Query) -> Self {
        let time_zone = query.parse("timeZone", |text| {
            text.parse()
                .map_err(|_| format!("expected a time zone such as Europe/Berlin, found {text:?}"))
        });
        Self { time_zone }
    }
}

/// Returns the number of firing log entries by hour of the week.
#[utoipa::path(
    tag = "statistics",
    operation_id = "get_heatmap",
    params(Zone, Between),
    responses((status = 200, description = "Log entries by day and hour", body = Heatmap))
)]
#[get("/api/v1/stats/heatmap")]
async fn heatmap(
    state: Data<AppState>,
    caller: Caller,
    reader: Reader,
    Params((zone, between)): Params<(Zone, Between)>,
) -> Result<Json<Heatmap>, ApiError> {
    let zone = zone.time_zone.unwrap_or(Tz::UTC);
    let _permit = permit(&state, &caller).await;
    let range = between.range();
    let slots = reader.read(move |db| async move {
        let found = stats::heatmap(&db, &caller.visibility, range, |at| hour_of_week(at, zone));
        Ok(found.await?)
    });
    let slots = slots.await?;
    Ok(Json(Heatmap {
        from: between.from,
        to: between.to,
        time_zone: zone.name().to_owned(),
        firing: slots.chunks(24).map(<[i64]>::to_vec).collect(),
    }))
}

/// Hour of the week, starting with 0 at midnight on Monday.
fn hour_of_week(at: Timestamp, zone: Tz) -> usize {
    let local = at.to_datetime().with_timezone(&zone);
    (local.weekday().num_days_from_monday() * 24 + local.hour()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hour_of_week_depends_on_the_time_zone() {
        // Sunday evening.
        let at = Timestamp::parse_rfc3339("2026-11-22T22:00:00Z").unwrap_or_default();
        for (zone, day, hour) in [
            (Tz::UTC, 6, 22),
            (Tz::Asia__Shanghai, 0, 6),
            (Tz::Asia__Kolkata, 0, 3),
            (Tz::America__New_York, 6, 17),
        ] {
            assert_eq!(hour_of_week(at, zone), day * 24 + hour, "{zone}");
        }
    }
}
