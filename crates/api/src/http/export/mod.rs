//! Export of all rows that match a filter, as a file.
//!
//! A task in the read pool reads the rows in chunks, at the speed of the client, so memory use
//! is constant. It stops when the client disconnects. Running queries are never dropped.

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

/// Maximum number of concurrent exports. Each needs some megabytes of memory.
pub(crate) const MAX_CONCURRENT: usize = 2;

/// Size of a chunk of the response, in bytes.
const CHUNK: usize = 128 * 1024;

/// Time within which the client must read a chunk: a stalled client would block other exports.
const TIMEOUT: Duration = Duration::from_secs(60);

/// File format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
enum FileFormat {
    /// RFC 4180 in UTF-8 with a byte order mark. Values that a spreadsheet would interpret as a
    /// formula are prefixed with an apostrophe.
    #[default]
    Csv,
    /// JSON Lines: one API object per line.
    Jsonl,
    /// Workbook with at most 1,048,575 rows. The sheet "About" states whether rows were omitted.
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

/// File format parameter.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportParams {
    /// File format. Defaults to `csv`.
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

/// Exports the log entries that match the filter, in the order of the list.
///
/// At most two exports run at a time; a third returns 503. A response without its last chunk is
/// incomplete.
#[utoipa::path(
    tag = "alerts",
    operation_id = "export_alerts",
    params(Criteria, Ordering, ExportParams),
    responses((status = 200, description = "The exported file", content(
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
    Params((criteria, ordering, format)): Params<(Criteria, Ordering, ExportParams)>,
) -> Result<HttpResponse, ApiError> {
    let walk = LogWalk::new(criteria.for_alerts(&caller.visibility), ordering.of());
    Export::begin(&state, &request, "alerts", format)?.respond(&state, walk)
}

/// Exports the incidents that match the filter, in the order of the list.
///
/// At most two exports run at a time; a third returns 503. A response without its last chunk is
/// incomplete.
#[utoipa::path(
    tag = "incidents",
    operation_id = "export_incidents",
    params(Criteria, States, Sorting, Ordering, ExportParams),
    responses((status = 200, description = "The exported file", content(
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
    Params((criteria, states, sorting, ordering, format)): Params<(
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
    Export::begin(&state, &request, "incidents", format)?.respond(&state, walk)
}

/// Reason why an export was aborted.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("the rows cannot be read")]
    Storage(#[from] StorageError),
    #[error("the workbook cannot be written")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    #[error("the workbook cannot be read back")]
    File(#[from] io::Error),
    #[error("the server is stopping")]
    Stopping,
    #[error("the client stopped reading")]
    Stalled,
    /// The client disconnected.
    #[error("the client disconnected")]
    Disconnected,
}

/// A running export.
struct Export {
    db: Db,
    list: &'static str,
    format: FileFormat,
    about: About,
    stopping: watch::Receiver<bool>,
    rows: u64,
    _permit: OwnedSemaphorePermit,
}

type Chunks = mpsc::Sender<Result<Bytes, ExportError>>;

impl Export {
    fn begin(
        state: &AppState,
        request: &HttpRequest,
        list: &'static str,
        params: ExportParams,
    ) -> Result<Self, ApiError> {
        let permit = Arc::clone(&state.exports).try_acquire_owned();
        let permit = permit.map_err(|_| {
            let detail =
                format!("{MAX_CONCURRENT} exports are running. Try again when one is finished.");
            ApiError::new(ProblemKind::Unavailable, detail)
        })?;
        let at = state.now().to_datetime();
        Ok(Self {
            db: state.db.clone(),
            list,
            format: params.format.unwrap_or_default(),
            about: About {
                at: at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                query: request.query_string().to_owned(),
            },
            stopping: state.stopping.clone(),
            rows: 0,
            _permit: permit,
        })
    }

    /// Returns the response, whose body is streamed.
    fn respond(self, state: &AppState, walk: impl Walk) -> Result<HttpResponse, ApiError> {
        // File names must not contain colons.
        let file_name = format!(
            "tocsin-{}-{}.{}",
            self.list,
            self.about.at.replace(':', ""),
            self.format.name()
        );
        let content_type = self.format.content_type();
        // One chunk is being sent, another one is queued.
        let (sender, receiver) = mpsc::channel(1);
        state.read_pool.spawn(self.run(walk, sender));
        let body = stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        Ok(HttpResponse::Ok()
            .content_type(content_type)
            .insert_header((
                header::CONTENT_DISPOSITION,
                format!("attachment; filename=\"{file_name}\""),
            ))
            // Prevents proxies from buffering the file.
            .insert_header(("X-Accel-Buffering", "no"))
            .streaming(body))
    }

    async fn run(mut self, walk: impl Walk, chunks: Chunks) {
        let started = Instant::now();
        let result = match self.format {
            FileFormat::Csv => self.lines(TextFormat::Csv, walk, &chunks).await,
            FileFormat::Jsonl => self.lines(TextFormat::Json, walk, &chunks).await,
            FileFormat::Xlsx => self.sheet(walk, &chunks).await,
        };
        let (list, format, rows) = (self.list, self.format.name(), self.rows);
        let millis = started.elapsed().as_millis();
        let failure = match result {
            Ok(()) => {
                tracing::info!(list, format, rows, millis, "exported");
                None
            }
            Err(ExportError::Disconnected) => {
                tracing::info!(
                    list,
                    format,
                    rows,
                    millis,
                    "an export was aborted by the client"
                );
                None
            }
            Err(error) => {
                tracing::warn!(list, format, rows, error = %Chain(&error), "an export failed");
                Some(error)
            }
        };
        // Releases the permit before the response ends, so that the client's next export
        // finds it.
        drop(self);
        if let Some(error) = failure {
            // Breaks the connection, so that the client recognizes the file as incomplete.
            let _ = chunks.send(Err(error)).await;
        }
    }

    async fn next<W: Walk>(&mut self, walk: &mut W) -> Result<Option<Vec<W::Row>>, ExportError> {
        if *self.stopping.borrow() {
            return Err(ExportError::Stopping);
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
        format: TextFormat,
        mut walk: W,
        chunks: &Chunks,
    ) -> Result<(), ExportError> {
        let mut writer = Writer::new(format);
        let mut buffer = writer.head::<W::Row>();
        while let Some(rows) = self.next(&mut walk).await? {
            for row in rows {
                writer.write(&row, &mut buffer);
                if buffer.len() >= CHUNK {
                    send(chunks, std::mem::take(&mut buffer)).await?;
                    buffer.reserve(CHUNK + CHUNK / 16);
                }
            }
            if chunks.is_closed() {
                return Err(ExportError::Disconnected);
            }
        }
        send(chunks, buffer).await
    }

    async fn sheet<W: Walk>(&mut self, mut walk: W, chunks: &Chunks) -> Result<(), ExportError> {
        let (row_sender, row_receiver) = mpsc::channel(1);
        let about = self.about.clone();
        let build = spawn_blocking(move || sheet::build::<W::Row>(row_receiver, &about));
        while let Some(rows) = self.next(&mut walk).await? {
            if chunks.is_closed() {
                return Err(ExportError::Disconnected);
            }
            if row_sender.send(rows).await.is_err() {
                // The sheet is full, or writing failed: `build` returns which.
                break;
            }
        }
        drop(row_sender);
        let mut file = build.await.map_err(io::Error::other)??;
        loop {
            let (chunk, rest) = spawn_blocking(move || read_chunk(file))
                .await
                .map_err(io::Error::other)??;
            if chunk.is_empty() {
                return Ok(());
            }
            file = rest;
            send(chunks, chunk).await?;
        }
    }
}

async fn send(chunks: &Chunks, chunk: Vec<u8>) -> Result<(), ExportError> {
    send_within(TIMEOUT, chunks, chunk).await
}

async fn send_within(
    timeout: Duration,
    chunks: &Chunks,
    chunk: Vec<u8>,
) -> Result<(), ExportError> {
    let chunk = Ok(Bytes::from(chunk));
    let sent = chunks.send_timeout(chunk, timeout).await;
    sent.map_err(|error| match error {
        SendTimeoutError::Timeout(_) => ExportError::Stalled,
        SendTimeoutError::Closed(_) => ExportError::Disconnected,
    })
}

/// Reads the next chunk of a file; it is empty at the end. Blocks.
fn read_chunk(mut file: File) -> io::Result<(Vec<u8>, File)> {
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut limited = file.by_ref().take(CHUNK as u64);
    limited.read_to_end(&mut chunk)?;
    Ok((chunk, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stalled_client_times_out() {
        let (chunks, receiver) = mpsc::channel(1);
        let send = async || send_within(Duration::from_millis(1), &chunks, vec![1]).await;
        assert!(send().await.is_ok());
        assert!(matches!(send().await, Err(ExportError::Stalled)));
        drop(receiver);
        assert!(matches!(send().await, Err(ExportError::Disconnected)));
    }
}
