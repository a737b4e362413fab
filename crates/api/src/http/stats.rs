//! What happened, in numbers.

use actix_web::get;
use actix_web::web::{Data, Json};
use tocsin_api_types::{Bucket, Count, Summary, Timeline, TimelinePoint, Top, TopBy};
use tocsin_core::alert::Status;
use tocsin_storage::stats;
use utoipa::IntoParams;

use super::filters::Between;
use super::params::{FromQuery, Params, Query, one_of};
use super::problem::ApiError;
use super::state::AppState;

/// A range of time in numbers.
#[utoipa::path(
    tag = "statistics",
    operation_id = "get_summary",
    params(Between),
    responses((status = 200, description = "The numbers", body = Summary))
)]
#[get("/api/v1/stats/summary")]
async fn summary(
    state: Data<AppState>,
    Params(between): Params<Between>,
) -> Result<Json<Summary>, ApiError> {
    let found = stats::summary(
        &state.db,
        between.range(),
        state.now(),
        state.settings.stale_after,
    )
    .await?;
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

/// What is counted, and how many values.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct TopParams {
    /// What is counted by; left out, `alertname`.
    #[param(inline)]
    by: Option<TopBy>,
    /// How many values.
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

/// The noisiest values.
#[utoipa::path(
    tag = "statistics",
    operation_id = "get_top",
    params(TopParams, Between),
    responses((status = 200, description = "The values, most frequent first", body = Top))
)]
#[get("/api/v1/stats/top")]
async fn top(
    state: Data<AppState>,
    Params((params, between)): Params<(TopParams, Between)>,
) -> Result<Json<Top>, ApiError> {
    let by = params.by.unwrap_or(TopBy::Alertname);
    let column = match by {
        TopBy::Alertname => stats::TopBy::Alertname,
        TopBy::Instance => stats::TopBy::Instance,
        TopBy::Team => stats::TopBy::Team,
    };
    let items = stats::top(
        &state.db,
        column,
        between.range(),
        params.limit.unwrap_or(10),
    )
    .await?;
    Ok(Json(Top {
        by,
        items: counts(items),
    }))
}

/// The width of a point.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct Width {
    /// Left out: `hour`.
    #[param(inline)]
    bucket: Option<Bucket>,
}

impl FromQuery for Width {
    fn read(query: &mut Query) -> Self {
        const BUCKETS: &[(&str, Bucket)] = &[("hour", Bucket::Hour), ("day", Bucket::Day)];
        Self {
            bucket: query.parse("bucket", one_of(BUCKETS)),
        }
    }
}

/// Log entries over time.
#[utoipa::path(
    tag = "statistics",
    operation_id = "get_timeline",
    params(Width, Between),
    responses((status = 200, description = "The points, oldest first", body = Timeline))
)]
#[get("/api/v1/stats/timeline")]
async fn timeline(
    state: Data<AppState>,
    Params((width, between)): Params<(Width, Between)>,
) -> Result<Json<Timeline>, ApiError> {
    let bucket = width.bucket.unwrap_or_default();
    let wide = match bucket {
        Bucket::Hour => stats::Bucket::Hour,
        Bucket::Day => stats::Bucket::Day,
    };
    let stats::Timeline { points } = stats::timeline(&state.db, wide, between.range()).await?;
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
