//! The change feed: changes in an order that readers can follow without skipping any.

use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use tocsin_core::time::Timestamp;

use crate::enums::{ChangeKind, Coded, EventKind, NotificationState};
use crate::query;
use crate::{Backend, Db, StorageError, Tx, feed_horizon};

/// Maximum number of incident events in the row of a delivery; readers find the others in
/// the incidents.
pub const MAX_EVENTS: usize = 200;

/// Position in the feed: the ID of the writing transaction, then of the row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedCursor {
    /// Transaction ID; 0 on SQLite.
    pub transaction_id: i64,
    /// Row ID.
    pub id: i64,
}

/// One row of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// Position of the row; reading continues after it.
    pub cursor: FeedCursor,
    /// Time of the change.
    pub at: Timestamp,
    /// ID of the delivery, incident or notification.
    pub object_id: i64,
    /// The change.
    pub change: Change,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A delivery was stored.
    Delivery {
        /// Source.
        source: String,
        /// Number of new log entries.
        entries: i64,
        /// Whether it was rejected.
        refused: bool,
        /// Its incident events, at most [`MAX_EVENTS`].
        events: Vec<(i64, EventKind)>,
    },
    /// An incident changed without a delivery.
    Incident {
        /// Kind of event.
        event: EventKind,
    },
    /// A notification changed its state.
    Notification {
        /// The new state.
        state: NotificationState,
    },
}

impl Change {
    pub(crate) fn kind(&self) -> ChangeKind {
        match self {
            Self::Delivery { .. } => ChangeKind::Delivery,
            Self::Incident { .. } => ChangeKind::Incident,
            Self::Notification { .. } => ChangeKind::Notification,
        }
    }

    pub(crate) fn to_json(&self) -> String {
        let json = match self {
            Self::Delivery {
                source,
                entries,
                refused,
                events,
            } => {
                let events = events.iter().take(MAX_EVENTS);
                serde_json::to_string(&DeliveryData {
                    source: source.clone(),
                    entries: *entries,
                    refused: *refused,
                    events: events.map(|(id, kind)| (*id, kind.code())).collect(),
                })
            }
            Self::Incident { event } => serde_json::to_string(&IncidentData {
                event: event.code(),
            }),
            Self::Notification { state } => serde_json::to_string(&NotificationData {
                state: state.code(),
            }),
        };
        // Numbers and strings always serialize.
        json.unwrap_or_default()
    }

    /// `None` for anything that this program does not write.
    fn read(kind: i16, json: &str) -> Option<Self> {
        Some(match ChangeKind::from_code(kind)? {
            ChangeKind::Delivery => {
                let data: DeliveryData = serde_json::from_str(json).ok()?;
                let events = data.events.into_iter();
                Self::Delivery {
                    source: data.source,
                    entries: data.entries,
                    refused: data.refused,
                    events: events
                        .map(|(id, kind)| Some((id, EventKind::from_code(kind)?)))
                        .collect::<Option<_>>()?,
                }
            }
            ChangeKind::Incident => {
                let data: IncidentData = serde_json::from_str(json).ok()?;
                Self::Incident {
                    event: EventKind::from_code(data.event)?,
                }
            }
            ChangeKind::Notification => {
                let data: NotificationData = serde_json::from_str(json).ok()?;
                Self::Notification {
                    state: NotificationState::from_code(data.state)?,
                }
            }
        })
    }
}

#[derive(Serialize, Deserialize)]
struct DeliveryData {
    source: String,
    entries: i64,
    refused: bool,
    events: Vec<(i64, i16)>,
}

#[derive(Serialize, Deserialize)]
struct IncidentData {
    event: i16,
}

#[derive(Serialize, Deserialize)]
struct NotificationData {
    state: i16,
}

/// Appends one row, in the transaction of the change.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn insert(
    tx: &Tx,
    object_id: i64,
    change: &Change,
    now: Timestamp,
) -> Result<(), StorageError> {
    insert_many(tx, &[object_id], change, now).await
}

/// Appends one row per object, all with the same change.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn insert_many(
    tx: &Tx,
    object_ids: &[i64],
    change: &Change,
    now: Timestamp,
) -> Result<(), StorageError> {
    if object_ids.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO changes (transaction_id, at, kind, object_id, data) \
         SELECT {}, CAST(? AS BIGINT), CAST(? AS SMALLINT), o.value, CAST(? AS TEXT) \
         FROM ({}) o",
        transaction_id(tx.backend),
        query::id_list(tx.backend)
    );
    let values = vec![
        now.as_micros().into(),
        change.kind().code().into(),
        change.to_json().into(),
        query::ids(object_ids),
    ];
    tx.execute(&sql, values).await?;
    Ok(())
}

/// SQL for the ID of the current transaction.
pub(crate) fn transaction_id(backend: Backend) -> &'static str {
    match backend {
        // Writers run one at a time: IDs are in commit order.
        Backend::Sqlite => "0",
        Backend::Postgres => "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)",
    }
}

/// Returns the rows after `cursor`, or from the beginning, in order, at most `limit`.
///
/// Takes a [`Db`] and not a transaction: the horizon must be read before the rows, each in
/// a snapshot of its own.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn after(
    db: &Db,
    cursor: Option<FeedCursor>,
    limit: u32,
) -> Result<Vec<ChangeRow>, StorageError> {
    let FeedCursor { transaction_id, id } = cursor.unwrap_or(FeedCursor {
        transaction_id: -1,
        id: 0,
    });
    let sql = "SELECT transaction_id, id, at, kind, object_id, data FROM changes \
               WHERE (transaction_id, id) > (?, ?) AND transaction_id < ? \
               ORDER BY transaction_id, id LIMIT ?";
    let values = vec![
        transaction_id.into(),
        id.into(),
        feed_horizon::horizon(db).await?.into(),
        i64::from(limit).into(),
    ];
    let rows: Vec<Row> = query::all(db, sql, values).await?;
    rows.into_iter().map(Row::into_change).collect()
}

/// Returns the position of the last readable row; `None` while the feed is empty.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn latest(db: &Db) -> Result<Option<FeedCursor>, StorageError> {
    let sql = "SELECT transaction_id, id FROM changes WHERE transaction_id < ? \
               ORDER BY transaction_id DESC, id DESC LIMIT 1";
    let values = vec![feed_horizon::horizon(db).await?.into()];
    let row: Option<CursorRow> = query::first(db, sql, values).await?;
    Ok(row.map(|row| FeedCursor {
        transaction_id: row.transaction_id,
        id: row.id,
    }))
}

#[derive(FromQueryResult)]
struct CursorRow {
    transaction_id: i64,
    id: i64,
}

#[derive(FromQueryResult)]
struct Row {
    transaction_id: i64,
    id: i64,
    at: i64,
    kind: i16,
    object_id: i64,
    data: String,
}

impl Row {
    fn into_change(self) -> Result<ChangeRow, StorageError> {
        let change = Change::read(self.kind, &self.data);
        Ok(ChangeRow {
            cursor: FeedCursor {
                transaction_id: self.transaction_id,
                id: self.id,
            },
            at: query::time(self.at),
            object_id: self.object_id,
            change: change.ok_or(StorageError::Corrupt {
                table: "changes",
                column: "data",
                id: self.id,
            })?,
        })
    }
}
