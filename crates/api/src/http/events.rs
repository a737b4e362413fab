//! Live changes as server-sent events.

mod narrow;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use bytes::Bytes;
use futures::stream;
use tocsin_api_types::{ChangeEvent, DeliveryChange, IncidentChange, NotificationChange};
use tocsin_pipeline::accounts::Accounts;
use tocsin_storage::changes::{self, Change, ChangeRow, FeedCursor};
use tocsin_storage::{Db, StorageError};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use utoipa::IntoParams;

use super::caller::Caller;
use super::convert;
use super::params::{FromQuery, Params, Query};
use super::problem::ApiError;
use super::state::AppState;
use super::stream_limits::StreamPermit;

/// Interval of heartbeats, with which both ends detect a dead connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Number of rows read from the feed at a time.
const ROWS: u32 = 200;

/// Minimum interval between checks of the subscriber's permissions.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Minimum interval between reads for a subscriber who sees only some alerts: each read needs
/// database queries to filter the changes.
const FILTER_INTERVAL: Duration = Duration::from_millis(250);

/// Position at which to resume.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Resume {
    /// Same as the header Last-Event-ID, for clients that cannot send it.
    #[param(value_type = Option<String>)]
    last_event_id: Option<FeedCursor>,
}

impl FromQuery for Resume {
    fn read(query: &mut Query) -> Self {
        let last_event_id = query.parse("lastEventId", |text| {
            cursor(text).ok_or_else(|| "expected the ID of an event of this stream".to_owned())
        });
        Self { last_event_id }
    }
}

/// Streams changes of deliveries, incidents and notifications.
///
/// The `data` of an event is a ChangeEvent, and `event` is the `type` of that object. A comment
/// is sent at least every 15 seconds. With `Last-Event-ID`, the stream resumes after that
/// event; otherwise it starts now. Only changes of visible alerts are sent. The stream ends
/// when the session or token ends, or when its permissions change; clients should reconnect.
#[utoipa::path(
    tag = "system",
    operation_id = "follow_events",
    params(
        Resume,
        ("Last-Event-ID" = Option<String>, Header, description = "ID of the last received event")
    ),
    responses((status = 200, description = "The event stream", content_type = "text/event-stream", body = String))
)]
#[get("/api/v1/events")]
async fn follow(
    state: Data<AppState>,
    caller: Caller,
    request: HttpRequest,
    Params(resume): Params<Resume>,
) -> Result<HttpResponse, ApiError> {
    let permit = state.streams.acquire(&caller)?;
    let header = request
        .headers()
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    // Subscribed before the table is read, so that no change is missed.
    let live = state.pipeline.subscribe();
    let latest = changes::latest(&state.db).await?;
    let from = header.and_then(cursor).or(resume.last_event_id);
    // An ID beyond the last change belongs to another database: start now.
    let reached = from.filter(|from| Some(*from) <= latest).or(latest);
    let now = Instant::now();
    let subscriber = Subscriber {
        db: state.db.clone(),
        accounts: state.accounts.clone(),
        caller,
        live,
        stopping: state.stopping.clone(),
        reached,
        sent: reached,
        behind: from.is_some(),
        checked_at: now,
        filtered_at: None,
        sent_at: now,
        lines: VecDeque::from([Bytes::from_static(b"retry: 2000\n: welcome\n\n")]),
        _permit: permit,
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        // Prevents proxies from buffering the events.
        .insert_header(("X-Accel-Buffering", "no"))
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .streaming(stream::unfold(subscriber, |mut subscriber| async {
            let line = subscriber.next().await?;
            Some((Ok::<_, Infallible>(line), subscriber))
        })))
}

/// Subscriber of an event stream. Events are not buffered for a slow client: the stream is
/// polled when the client has read everything, and then continues from the table.
struct Subscriber {
    db: Db,
    accounts: Accounts,
    caller: Caller,
    live: Receiver<Arc<ChangeRow>>,
    stopping: watch::Receiver<bool>,
    /// Last processed change.
    reached: Option<FeedCursor>,
    /// Last change whose ID was sent.
    sent: Option<FeedCursor>,
    /// Whether the table can contain later changes that `live` does not return.
    behind: bool,
    /// Time of the last check of the permissions.
    checked_at: Instant,
    /// Time of the last read for a subscriber who sees only some alerts.
    filtered_at: Option<Instant>,
    /// Time at which data was last sent.
    sent_at: Instant,
    lines: VecDeque<Bytes>,
    _permit: StreamPermit,
}

impl Subscriber {
    /// Returns the next part of the stream; `None` ends it.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                self.sent_at = Instant::now();
                return Some(line);
            }
            if *self.stopping.borrow() {
                return None;
            }
            if self.sent_at.elapsed() >= HEARTBEAT {
                self.check_permission().await?;
                self.heartbeat();
                continue;
            }
            // Changes within the interval are read together.
            let pause = match self.filtered_at {
                Some(at) if self.behind => FILTER_INTERVAL.saturating_sub(at.elapsed()),
                _ => Duration::ZERO,
            };
            if self.behind && pause.is_zero() {
                self.check_permission().await?;
                self.catch_up().await?;
                continue;
            }
            let wait = match self.behind {
                true => pause,
                false => HEARTBEAT.saturating_sub(self.sent_at.elapsed()),
            };
            tokio::select! {
                _ = self.stopping.changed() => return None,
                change = self.live.recv() => match change {
                    Ok(row) if self.caller.visibility.is_everything() && !self.behind => {
                        self.check_permission().await?;
                        self.push(&row);
                    }
                    Ok(_) | Err(RecvError::Lagged(_)) => self.behind = true,
                    Err(RecvError::Closed) => return None,
                },
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Returns `None`, which ends the stream, if the session has ended, the token was revoked
    /// or the role has changed. Checked at most once per [`CHECK_INTERVAL`].
    async fn check_permission(&mut self) -> Option<()> {
        let Some(identity) = &self.caller.identity else {
            return Some(());
        };
        if self.checked_at.elapsed() < CHECK_INTERVAL {
            return Some(());
        }
        self.checked_at = Instant::now();
        self.accounts.is_still(identity).await.then_some(())
    }

    /// Sends a heartbeat with the ID of the last processed change, so that changes that are
    /// not visible to the subscriber are not processed again after a reconnect.
    fn heartbeat(&mut self) {
        let mut line = String::new();
        if let Some(cursor) = self.reached.filter(|reached| Some(*reached) != self.sent) {
            line.push_str(&id_line(cursor));
            self.sent = Some(cursor);
        }
        line.push_str(": heartbeat\n\n");
        self.lines.push_back(line.into());
        // Reads changes that `live` may have missed.
        self.behind = true;
    }

    /// Reads further changes from the table. If that fails, the stream ends, and the browser
    /// reconnects with the last ID.
    async fn catch_up(&mut self) -> Option<()> {
        self.read_changes()
            .await
            .inspect_err(|error| {
                self.db.note(error);
                tracing::warn!(%error, "an event stream ended because the database failed");
            })
            .ok()
    }

    async fn read_changes(&mut self) -> Result<(), StorageError> {
        let mut rows = changes::after(&self.db, self.reached, ROWS).await?;
        let all = rows.len() < ROWS as usize;
        let visibility = &self.caller.visibility;
        if !visibility.is_everything() {
            let last = rows.last().map(|row| row.cursor);
            rows = narrow::narrow(&self.db, rows, visibility).await?;
            rows.iter().for_each(|row| self.push(row));
            self.reached = last.or(self.reached);
            self.filtered_at = all.then(Instant::now);
        } else {
            rows.iter().for_each(|row| self.push(row));
        }
        self.behind = !all;
        Ok(())
    }

    fn push(&mut self, row: &ChangeRow) {
        if Some(row.cursor) <= self.reached {
            return;
        }
        self.reached = Some(row.cursor);
        self.sent = self.reached;
        self.lines.push_back(lines(row));
    }
}

fn id_line(cursor: FeedCursor) -> String {
    let FeedCursor { transaction_id, id } = cursor;
    format!("id: {transaction_id}-{id}\n")
}

/// Formats the events of a row. Only the last one has the ID: a client that disconnects before
/// it receives all of them again.
fn lines(row: &ChangeRow) -> Bytes {
    let mut events = Vec::new();
    match &row.change {
        Change::Delivery {
            source,
            entries,
            refused,
            events: incident_events,
        } => {
            for (id, kind) in incident_events {
                let event = convert::event_kind(*kind);
                events.push(ChangeEvent::Incident(IncidentChange { id: *id, event }));
            }
            events.push(ChangeEvent::Delivery(DeliveryChange {
                id: row.object_id,
                source: source.clone(),
                entries: *entries,
                refused: *refused,
            }));
        }
        Change::Incident { event } => events.push(ChangeEvent::Incident(IncidentChange {
            id: row.object_id,
            event: convert::event_kind(*event),
        })),
        Change::Notification { state } => {
            events.push(ChangeEvent::Notification(NotificationChange {
                id: row.object_id,
                state: convert::notification_state(*state),
            }))
        }
    }
    let mut text = String::new();
    let last = events.len().saturating_sub(1);
    for (index, event) in events.iter().enumerate() {
        let name = match event {
            ChangeEvent::Delivery(_) => "delivery",
            ChangeEvent::Incident(_) => "incident",
            ChangeEvent::Notification(_) => "notification",
        };
        if index == last {
            text.push_str(&id_line(row.cursor));
        }
        // An event always serializes, on one line.
        let data = serde_json::to_string(event).unwrap_or_default();
        text.push_str(&format!("event: {name}\ndata: {data}\n\n"));
    }
    text.into()
}

/// Parses an event ID.
fn cursor(text: &str) -> Option<FeedCursor> {
    let (transaction_id, id) = text.split_once('-')?;
    Some(FeedCursor {
        transaction_id: transaction_id.parse().ok()?,
        id: id.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tocsin_core::time::Timestamp;
    use tocsin_storage::enums::EventKind;

    #[test]
    fn last_event_of_a_row_has_the_id() {
        let row = ChangeRow {
            cursor: FeedCursor {
                transaction_id: 0,
                id: 7,
            },
            at: Timestamp::from_micros(0),
            object_id: 3,
            change: Change::Delivery {
                source: "prod".to_owned(),
                entries: 1,
                refused: false,
                events: vec![(5, EventKind::Opened)],
            },
        };
        let text = String::from_utf8(lines(&row).to_vec()).unwrap();
        assert_eq!(
            text,
            "event: incident\ndata: {\"type\":\"incident\",\"id\":5,\"event\":\"opened\"}\n\n\
             id: 0-7\nevent: delivery\n\
             data: {\"type\":\"delivery\",\"id\":3,\"source\":\"prod\",\"entries\":1,\"refused\":false}\n\n"
        );
    }

    #[test]
    fn event_ids_are_parsed() {
        assert_eq!(
            cursor("0-7"),
            Some(FeedCursor {
                transaction_id: 0,
                id: 7
            })
        );
        for bad in ["", "7", "a-b", "1-", "-"] {
            assert_eq!(cursor(bad), None, "{bad}");
        }
    }
}
