//! The whole of a filter as a file.
//!
//! A task of its own in the read pool reads the rows chunk by chunk and hands them on only as
//! fast as they are taken, so that memory stays flat; when nobody takes them any
//! more, it stops. Its queries are never dropped half-way.

pub(super) mod audit;
mod rows;
mod sheet;
mod text;
mod walk;

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use bytes::Bytes;
use futures::stream;
use tocsin_storage::alert_log::LogWalk;
use tocsin_storage::incidents::IncidentWalk;
use tocsin_storage::{Db, StorageError};
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::spawn_blocking;
use utoipa::{IntoParams, ToSchema};

use self::sheet::About;
use self::text::{TextFormat, Writer};
use self::walk::Walk;
use super::caller::Caller;
use super::filters::{Criteria, Ordering, States};
use super::incidents::Sorting;
use super::params::{FromQuery, Params, Query, one_of};
use super::problem::{ApiError, Chain, ProblemKind};
use super::state::AppState;

/// Exports at once: each keeps some megabytes of texts.
pub(crate) const AT_ONCE: usize = 2;

/// Bytes handed on at a time.
const PIECE: usize = 128 * 1024;

/// How long a piece waits: who does not read on would keep others from theirs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What kind of file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
enum FileFormat {
    /// RFC 4180 in UTF-8 with a byte order mark. A text that a spreadsheet would
    /// take for a formula has an apostrophe before it.
    #[default]
    Csv,
    /// The API's objects, one a line.
    Jsonl,
    /// A workbook. A sheet holds 1,048,575 rows; the sheet "About" says whether
    /// there were more.
    Xlsx,
}

impl FileFormat {
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Xlsx => "xlsx",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Jsonl => "application/x-ndjson; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// As what.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportParams {
    /// Left out: `csv`.
    #[param(inline)]
    format: Option<FileFormat>,
}

impl FromQuery for ExportParams {
    fn read(query: &mut Query) -> Self {
        const FORMATS: &[(&str, FileFormat)] = &[
            ("csv", FileFormat::Csv),
            ("jsonl", FileFormat::Jsonl),
            ("xlsx", FileFormat::Xlsx),
        ];
        Self {
            format: query.parse("format", one_of(FORMATS)),
        }
    }
}

/// The alert log as a file: every entry that the filters find, in the order of
/// the list.
///
/// At most two exports run at once; a further one is answered 503. A file that
/// ends without its last chunk is not whole.
#[utoipa::path(
    tag = "alerts",
    operation_id = "export_alerts",
    params(Criteria, Ordering, ExportParams),
    responses((status = 200, description = "The file", content(
        (String = "text/csv"),
        (String = "application/x-ndjson"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    )))
)]
#[get("/api/v1/alerts/export")]
async fn alerts(
    state: Data<AppState>,
    caller: Caller,
    request: HttpRequest,
    Params((criteria, ordering, wanted)): Params<(Criteria, Ordering, ExportParams)>,
) -> Result<HttpResponse, ApiError> {
    let walk = LogWalk::new(criteria.for_alerts(&caller.visibility), ordering.of());
    Export::begin(&state, &request, "alerts", wanted)?.answer(&state, walk)
}

/// The incidents as a file: every incident that the filters find, in the order
/// of the list.
///
/// At most two exports run at once; a further one is answered 503. A file that
/// ends without its last chunk is not whole.
#[utoipa::path(
    tag = "incidents",
    operation_id = "export_incidents",
    params(Criteria, States, Sorting, Ordering, ExportParams),
    responses((status = 200, description = "The file", content(
        (String = "text/csv"),
        (String = "application/x-ndjson"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    )))
)]
#[get("/api/v1/incidents/export")]
async fn incidents(
    state: Data<AppState>,
    caller: Caller,
    request: HttpRequest,
    Params((criteria, states, sorting, ordering, wanted)): Params<(
        Criteria,
        States,
        Sorting,
        Ordering,
        ExportParams,
    )>,
) -> Result<HttpResponse, ApiError> {
    let walk = IncidentWalk::new(
        criteria.for_incidents(states, &caller.visibility),
        sorting.of(),
        ordering.of(),
        state.now(),
        state.settings.stale_after,
    );
    Export::begin(&state, &request, "incidents", wanted)?.answer(&state, walk)
}

/// Why a file ended before its end.
#[derive(Debug, thiserror::Error)]
enum Truncation {
    #[error("the rows cannot be read")]
    Storage(#[from] StorageError),
    #[error("the workbook cannot be written")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    #[error("the workbook cannot be read back")]
    File(#[from] io::Error),
    #[error("the server stops")]
    Stopping,
    #[error("the client does not read on")]
    Stalled,
    /// The client went away: nobody need be told.
    #[error("nobody takes it any more")]
    Untaken,
}

/// One export under way.
struct Export {
    db: Db,
    what: &'static str,
    format: FileFormat,
    about: About,
    stopping: watch::Receiver<bool>,
    rows: u64,
    _seat: OwnedSemaphorePermit,
}

type Pieces = mpsc::Sender<Result<Bytes, Truncation>>;

impl Export {
    fn begin(
        state: &AppState,
        request: &HttpRequest,
        what: &'static str,
        wanted: ExportParams,
    ) -> Result<Self, ApiError> {
        let seat = Arc::clone(&state.exports).try_acquire_owned();
        let seat = seat.map_err(|_| {
            let detail = format!("{AT_ONCE} exports are running; try again when one is done.");
            ApiError::new(ProblemKind::Unavailable, detail)
        })?;
        let at = state.now().to_datetime();
        Ok(Self {
            db: state.db.clone(),
            what,
            format: wanted.format.unwrap_or_default(),
            about: About {
                at: at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                query: request.query_string().to_owned(),
            },
            stopping: state.stopping.clone(),
            rows: 0,
            _seat: seat,
        })
    }

    /// The answer, whose body is read as it is sent.
    fn answer(self, state: &AppState, walk: impl Walk) -> Result<HttpResponse, ApiError> {
        // Colons are not for file names.
        let name = format!(
            "tocsin-{}-{}.{}",
            self.what,
            self.about.at.replace(':', ""),
            self.format.name()
        );
        let content_type = self.format.content_type();
        // A piece is on its way, one waits.
        let (pieces, taken) = mpsc::channel(1);
        state.read_pool.spawn(self.run(walk, pieces));
        let body = stream::unfold(taken, |mut taken| async {
            taken.recv().await.map(|piece| (piece, taken))
        });
        Ok(HttpResponse::Ok()
            .content_type(content_type)
            .insert_header((
                header::CONTENT_DISPOSITION,
                format!("attachment; filename=\"{name}\""),
            ))
            // Proxies that gather answers would gather all of it.
            .insert_header(("X-Accel-Buffering", "no"))
            .streaming(body))
    }

    async fn run(mut self, walk: impl Walk, pieces: Pieces) {
        let began = Instant::now();
        let done = match self.format {
            FileFormat::Csv => self.lines(TextFormat::Csv, walk, &pieces).await,
            FileFormat::Jsonl => self.lines(TextFormat::Json, walk, &pieces).await,
            FileFormat::Xlsx => self.sheet(walk, &pieces).await,
        };
        let (what, format, rows) = (self.what, self.format.name(), self.rows);
        let millis = began.elapsed().as_millis();
        match done {
            Ok(()) => tracing::info!(what, format, rows, millis, "exported"),
            Err(Truncation::Untaken) => {
                tracing::info!(
                    what,
                    format,
                    rows,
                    millis,
                    "an export was not taken to its end"
                );
            }
            Err(cut) => {
                tracing::warn!(what, format, rows, error = %Chain(&cut), "an export was cut short");
                // Whoever comes next need not wait until this is taken, too.
                drop(self);
                // The connection breaks, so that nobody takes it for the whole.
                let _ = pieces.send(Err(cut)).await;
            }
        }
    }

    async fn next<W: Walk>(&mut self, walk: &mut W) -> Result<Option<Vec<W::Row>>, Truncation> {
        if *self.stopping.borrow() {
            return Err(Truncation::Stopping);
        }
        let rows = walk
            .next(&self.db)
            .await
            .inspect_err(|error| self.db.note(error))?;
        self.rows += rows.as_ref().map_or(0, Vec::len) as u64;
        Ok(rows)
    }

    async fn lines<W: Walk>(
        &mut self,
        lines: TextFormat,
        mut walk: W,
        pieces: &Pieces,
    ) -> Result<(), Truncation> {
        let mut writer = Writer::new(lines);
        let mut buffer = writer.head::<W::Row>();
        while let Some(rows) = self.next(&mut walk).await? {
            for row in rows {
                writer.write(&row, &mut buffer);
                if buffer.len() >= PIECE {
                    send(pieces, std::mem::take(&mut buffer)).await?;
                    buffer.reserve(PIECE + PIECE / 16);
                }
            }
            if pieces.is_closed() {
                return Err(Truncation::Untaken);
            }
        }
        send(pieces, buffer).await
    }

    async fn sheet<W: Walk>(&mut self, mut walk: W, pieces: &Pieces) -> Result<(), Truncation> {
        let (chunks, taken) = mpsc::channel(1);
        let about = self.about.clone();
        let build = spawn_blocking(move || sheet::build::<W::Row>(taken, &about));
        while let Some(rows) = self.next(&mut walk).await? {
            if pieces.is_closed() {
                return Err(Truncation::Untaken);
            }
            if chunks.send(rows).await.is_err() {
                // The sheet is full, or cannot be written, which its end tells.
                break;
            }
        }
        drop(chunks);
        let mut file = build.await.map_err(io::Error::other)??;
        loop {
            let (piece, rest) = spawn_blocking(move || piece_of(file))
                .await
                .map_err(io::Error::other)??;
            if piece.is_empty() {
                return Ok(());
            }
            file = rest;
            send(pieces, piece).await?;
        }
    }
}

async fn send(pieces: &Pieces, piece: Vec<u8>) -> Result<(), Truncation> {
    send_within(PATIENCE, pieces, piece).await
}

async fn send_within(
    patience: Duration,
    pieces: &Pieces,
    piece: Vec<u8>,
) -> Result<(), Truncation> {
    let piece = Ok(Bytes::from(piece));
    let sent = pieces.send_timeout(piece, patience).await;
    sent.map_err(|error| match error {
        SendTimeoutError::Timeout(_) => Truncation::Stalled,
        SendTimeoutError::Closed(_) => Truncation::Untaken,
    })
}

/// The next piece of a file, empty at its end. Blocks.
fn piece_of(mut file: File) -> io::Result<(Vec<u8>, File)> {
    let mut piece = Vec::with_capacity(PIECE);
    let mut limited = file.by_ref().take(PIECE as u64);
    limited.read_to_end(&mut piece)?;
    Ok((piece, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_read_on_is_not_waited_for() {
        let (pieces, taken) = mpsc::channel(1);
        let send = async || send_within(Duration::from_millis(1), &pieces, vec![1]).await;
        assert!(send().await.is_ok());
        assert!(matches!(send().await, Err(Truncation::Stalled)));
        drop(taken);
        assert!(matches!(send().await, Err(Truncation::Untaken)));
    }
}
