//! Live news for browsers, as server-sent events.

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

/// A line now and then, so that both ends notice a dead connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Rows read from the feed at a time.
const ROWS: u32 = 200;

/// How often it is asked, while events come, whether the follower still may
/// follow.
const CHECK: Duration = Duration::from_secs(1);

/// Somebody who sees only some alerts is told of what there is at most this
/// often: each time the database is asked what of it they may see.
const PACE: Duration = Duration::from_millis(250);

/// Where to go on.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Resume {
    /// As the header Last-Event-ID, for those who cannot send one.
    #[param(value_type = Option<String>)]
    last_event_id: Option<FeedCursor>,
}

impl FromQuery for Resume {
    fn read(query: &mut Query) -> Self {
        let last_event_id = query.parse("lastEventId", |text| {
            cursor(text).ok_or_else(|| "expected the id of an event of this stream".to_owned())
        });
        Self { last_event_id }
    }
}

/// Follows what changes: deliveries, incidents and mails.
///
/// Each event's `data` is a ChangeEvent and its `event` that object's `type`.
/// A comment comes at least every 15 seconds. With `Last-Event-ID` the stream
/// goes on after that event; without, it begins now. Whoever sees only some
/// alerts is told of those. The stream ends when its session or token does, or
/// when what that may do or see changes; whoever comes again is told anew.
#[utoipa::path(
    tag = "system",
    operation_id = "follow_events",
    params(
        Resume,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event received")
    ),
    responses((status = 200, description = "The stream", content_type = "text/event-stream", body = String))
)]
#[get("/api/v1/events")]
async fn follow(
    state: Data<AppState>,
    caller: Caller,
    request: HttpRequest,
    Params(resume): Params<Resume>,
) -> Result<HttpResponse, ApiError> {
    let seat = state.seats.take(&caller)?;
    let header = request
        .headers()
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    // Before looking into the table, so that nothing falls between the two.
    let live = state.pipeline.subscribe();
    let latest = changes::latest(&state.db).await?;
    let from = header.and_then(cursor).or(resume.last_event_id);
    // An id past the end is of another database: begin now.
    let reached = from.filter(|from| Some(*from) <= latest).or(latest);
    let now = Instant::now();
    let follower = Subscriber {
        db: state.db.clone(),
        accounts: state.accounts.clone(),
        caller,
        live,
        stopping: state.stopping.clone(),
        reached,
        said: reached,
        behind: from.is_some(),
        checked: now,
        passed: None,
        spoke: now,
        lines: VecDeque::from([Bytes::from_static(b"retry: 2000\n: welcome\n\n")]),
        _seat: seat,
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        // Proxies that gather answers would hold events back.
        .insert_header(("X-Accel-Buffering", "no"))
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .streaming(stream::unfold(follower, |mut follower| async {
            let line = follower.next().await?;
            Some((Ok::<_, Infallible>(line), follower))
        })))
}

/// One browser that follows. Nothing piles up for a slow one: it is asked for
/// more only when it has taken what there is, and reads on from the table.
struct Subscriber {
    db: Db,
    accounts: Accounts,
    caller: Caller,
    live: Receiver<Arc<ChangeRow>>,
    stopping: watch::Receiver<bool>,
    /// The last change that was looked at.
    reached: Option<FeedCursor>,
    /// The last one whose id was said.
    said: Option<FeedCursor>,
    /// The table may hold more after it than `live` will tell.
    behind: bool,
    /// When it was last asked whether the caller still may follow.
    checked: Instant,
    /// When the table was last read for somebody who sees only some alerts.
    passed: Option<Instant>,
    /// When something was last said.
    spoke: Instant,
    lines: VecDeque<Bytes>,
    _seat: StreamPermit,
}

impl Subscriber {
    /// The next piece of the stream; `None` ends it.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                self.spoke = Instant::now();
                return Some(line);
            }
            if *self.stopping.borrow() {
                return None;
            }
            if self.spoke.elapsed() >= HEARTBEAT {
                self.may_still().await?;
                self.beat();
                continue;
            }
            // What comes meanwhile is read together.
            let pause = match self.passed {
                Some(passed) if self.behind => PACE.saturating_sub(passed.elapsed()),
                _ => Duration::ZERO,
            };
            if self.behind && pause.is_zero() {
                self.may_still().await?;
                self.catch_up().await?;
                continue;
            }
            let wait = match self.behind {
                true => pause,
                false => HEARTBEAT.saturating_sub(self.spoke.elapsed()),
            };
            tokio::select! {
                _ = self.stopping.changed() => return None,
                change = self.live.recv() => match change {
                    Ok(row) if self.caller.visibility.is_everything() && !self.behind => {
                        self.may_still().await?;
                        self.pass_on(&row);
                    }
                    Ok(_) | Err(RecvError::Lagged(_)) => self.behind = true,
                    Err(RecvError::Closed) => return None,
                },
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// `None` ends the stream of somebody who may not follow it any more: a
    /// session that was ended, a token that was revoked, a role that was changed.
    /// Asked at most once a second, and with each heartbeat.
    async fn may_still(&mut self) -> Option<()> {
        let Some(identity) = &self.caller.identity else {
            return Some(());
        };
        if self.checked.elapsed() < CHECK {
            return Some(());
        }
        self.checked = Instant::now();
        self.accounts.is_still(identity).await.then_some(())
    }

    /// Says that the stream is alive, and how far it has come: past what was not
    /// for this follower, too, who so need not be shown past it again.
    fn beat(&mut self) {
        let mut line = String::new();
        if let Some(cursor) = self.reached.filter(|reached| Some(*reached) != self.said) {
            line.push_str(&id_line(cursor));
            self.said = Some(cursor);
        }
        line.push_str(": still here\n\n");
        self.lines.push_back(line.into());
        // Should the live end ever have skipped one, it comes now.
        self.behind = true;
    }

    /// Reads on from the table. Where that fails the stream ends, and the
    /// browser comes again with its last id.
    async fn catch_up(&mut self) -> Option<()> {
        self.read_on()
            .await
            .inspect_err(|error| {
                self.db.note(error);
                tracing::warn!(%error, "an event stream ended");
            })
            .ok()
    }

    async fn read_on(&mut self) -> Result<(), StorageError> {
        let mut rows = changes::after(&self.db, self.reached, ROWS).await?;
        let all = rows.len() < ROWS as usize;
        let visibility = &self.caller.visibility;
        if !visibility.is_everything() {
            let last = rows.last().map(|row| row.cursor);
            rows = narrow::narrow(&self.db, rows, visibility).await?;
            rows.iter().for_each(|row| self.pass_on(row));
            self.reached = last.or(self.reached);
            self.passed = all.then(Instant::now);
        } else {
            rows.iter().for_each(|row| self.pass_on(row));
        }
        self.behind = !all;
        Ok(())
    }

    fn pass_on(&mut self, row: &ChangeRow) {
        if Some(row.cursor) <= self.reached {
            return;
        }
        self.reached = Some(row.cursor);
        self.said = self.reached;
        self.lines.push_back(lines(row));
    }
}

fn id_line(cursor: FeedCursor) -> String {
    let FeedCursor { transaction_id, id } = cursor;
    format!("id: {transaction_id}-{id}\n")
}

/// The events of one row. The id comes with the last one: whoever breaks off
/// before it gets all of them again.
fn lines(row: &ChangeRow) -> Bytes {
    let mut events = Vec::new();
    match &row.change {
        Change::Delivery {
            source,
            entries,
            refused,
            events: told,
        } => {
            for (id, kind) in told {
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
    for (place, event) in events.iter().enumerate() {
        let name = match event {
            ChangeEvent::Delivery(_) => "delivery",
            ChangeEvent::Incident(_) => "incident",
            ChangeEvent::Notification(_) => "notification",
        };
        if place == last {
            text.push_str(&id_line(row.cursor));
        }
        // Numbers and texts always make JSON, on one line.
        let data = serde_json::to_string(event).unwrap_or_default();
        text.push_str(&format!("event: {name}\ndata: {data}\n\n"));
    }
    text.into()
}

/// Reads an event's id.
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
    fn the_id_comes_with_the_last_event_of_a_row() {
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
    fn ids_are_read_back() {
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
