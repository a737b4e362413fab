//! A generated history of one year, kept between runs: N log entries of N/50 incidents of
//! N/500 alerts, in the tables created by the server.

mod incident;
mod made;
pub(crate) mod store;
mod words;

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{
    database::{DataDir, Database, Kind, runtime},
    machine,
    options::Options,
    targets::Target,
};
use store::Store;

/// Version of the generated data. A kept history with another version is regenerated.
const VERSION: u32 = 1;
/// Maximum duration of the projection of a history by the server.
const PROJECTION_TIMEOUT: Duration = Duration::from_secs(3600);

/// A history, ready to be queried.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) data_dir: DataDir,
    /// Name of the data directory.
    pub(crate) name: String,
    pub(crate) manifest: Manifest,
    /// Duration of the projection by the server. `None` for a kept history.
    pub(crate) projection: Option<Duration>,
}

/// Description of a kept history, in `history.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    version: u32,
    /// Hash of the database schema.
    schema: u64,
    /// Requested number of log entries.
    wanted: u64,
    pub(crate) entries: u64,
    pub(crate) incidents: u64,
    pub(crate) series: u64,
    /// End of the history, in microseconds. It starts a year earlier.
    pub(crate) until: i64,
    /// Size of the alert log with its indexes, and of all tables, in bytes.
    pub(crate) log_bytes: u64,
    pub(crate) bytes: u64,
}

/// Returns the kept history if it matches the options and the schema, else generates one.
///
/// # Errors
/// If the history cannot be written or projected.
pub(crate) fn prepare(options: &Options, database: &Database) -> anyhow::Result<History> {
    let schema = schema(options, database)?;
    let name = format!("history_{}", options.entries);
    let data_dir = database.data_dir(&name);
    let file = data_dir.path.join("history.json");
    let kept = fs::read_to_string(&file).ok();
    let kept = kept.and_then(|text| serde_json::from_str::<Manifest>(&text).ok());
    if let Some(manifest) = kept.filter(|manifest| {
        (manifest.version, manifest.schema, manifest.wanted) == (VERSION, schema, options.entries)
    }) {
        return Ok(History {
            data_dir,
            name,
            manifest,
            projection: None,
        });
    }
    let since = Instant::now();
    eprintln!(
        "→ Generating a history of {} log entries on {}",
        options.entries,
        database.kind().name()
    );
    let data_dir = database.empty(&name)?;
    Target::tocsin(options, &data_dir, &[])?.stop()?;
    let until = machine::now_micros();
    let plan = made::Plan::new(options.entries, until);
    runtime()?.block_on(async {
        let mut store = Store::open(&data_dir).await?;
        plan.write(&mut store).await?;
        store.finish().await
    })?;
    eprintln!("✓ Written ({:.0} s)", since.elapsed().as_secs_f64());
    let projection = wait_for_projection(options, &data_dir)?;
    let bytes = data_dir.table_bytes()?;
    let manifest = Manifest {
        version: VERSION,
        schema,
        wanted: options.entries,
        entries: plan.entries(),
        incidents: plan.incidents(),
        series: plan.series(),
        until,
        log_bytes: bytes.get("log_entries").copied().unwrap_or_default(),
        bytes: bytes.values().sum(),
    };
    fs::write(&file, serde_json::to_string_pretty(&manifest)?)?;
    Ok(History {
        data_dir,
        name,
        manifest,
        projection: Some(projection),
    })
}

/// Hash of the tables and indexes, taken from a SQLite database created by the server.
fn schema(options: &Options, database: &Database) -> anyhow::Result<u64> {
    let folder: PathBuf = options.work.join("schema");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let data_dir = DataDir {
        kind: Kind::Sqlite,
        url: format!("sqlite://{}", folder.join("tocsin.sqlite").display()),
        path: folder,
        server_pid: None,
    };
    Target::tocsin(options, &data_dir, &[])?.stop()?;
    let rows = runtime()?.block_on(async {
        let sql = "SELECT COALESCE(sql, name), 0 FROM sqlite_master ORDER BY name";
        data_dir.connect().await?.rows(sql).await
    })?;
    let mut hasher = DefaultHasher::new();
    rows.hash(&mut hasher);
    database.kind().name().hash(&mut hasher);
    Ok(hasher.finish())
}

/// Starts the server, and waits until it has projected all queued rows.
fn wait_for_projection(options: &Options, data_dir: &DataDir) -> anyhow::Result<Duration> {
    let target = Target::tocsin(options, data_dir, &[])?;
    let since = Instant::now();
    let is_complete = runtime()?
        .block_on(async {
            let mut connection = data_dir.connect().await?;
            let (mut least, mut last_progress) = (i64::MAX, Instant::now());
            loop {
                let left = connection.number("SELECT COUNT(*) FROM backlog").await?;
                if left == 0 || since.elapsed() > PROJECTION_TIMEOUT {
                    return anyhow::Ok(left == 0);
                }
                if left < least {
                    (least, last_progress) = (left, Instant::now());
                }
                if last_progress.elapsed() > Duration::from_secs(60) {
                    return Ok(false);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .context("waiting for the projection")?;
    let took = since.elapsed();
    match is_complete {
        true => eprintln!(
            "✓ Statistics and search index ({:.0} s)",
            took.as_secs_f64()
        ),
        false => eprintln!("! The projection is incomplete; measuring anyway"),
    }
    target.stop()?;
    Ok(took)
}
