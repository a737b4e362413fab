//! A year of alerts, made once and kept: N log entries of N/50 incidents of
//! N/500 alerts, in the tables as the server made them.

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
    database::{Database, Kind, Place, runtime},
    machine,
    options::Options,
    targets::Target,
};
use store::Store;

/// Made anew where what is made here changes.
const VERSION: u32 = 1;
/// The longest that the server may take to fold a history.
const FOLDING: Duration = Duration::from_secs(3600);

/// A history, ready to be asked.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) place: Place,
    /// The name of its place.
    pub(crate) name: String,
    pub(crate) made: Manifest,
    /// How long the server took to fold it; nothing where it was kept.
    pub(crate) folding: Option<Duration>,
}

/// What is kept beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    version: u32,
    /// Of the empty database.
    schema: u64,
    wanted: u64,
    pub(crate) entries: u64,
    pub(crate) incidents: u64,
    pub(crate) series: u64,
    /// Its end, in microseconds; it begins a year before.
    pub(crate) until: i64,
    /// Bytes of the log's own table and indexes, and of everything.
    pub(crate) log_bytes: u64,
    pub(crate) bytes: u64,
}

/// The kept one if it fits, else a new one.
///
/// # Errors
/// It cannot be made, or the server does not fold it.
pub(crate) fn prepare(options: &Options, database: &Database) -> anyhow::Result<History> {
    let schema = schema(options, database)?;
    let name = format!("history_{}", options.entries);
    let place = database.place(&name);
    let file = place.folder.join("history.json");
    let kept = fs::read_to_string(&file).ok();
    let kept = kept.and_then(|text| serde_json::from_str::<Manifest>(&text).ok());
    if let Some(made) = kept.filter(|made| {
        (made.version, made.schema, made.wanted) == (VERSION, schema, options.entries)
    }) {
        return Ok(History {
            place,
            name,
            made,
            folding: None,
        });
    }
    let since = Instant::now();
    eprintln!(
        "→ Making a history of {} entries on {}",
        options.entries,
        database.kind().name()
    );
    let place = database.empty(&name)?;
    Target::tocsin(options, &place, &[])?.stop()?;
    let until = machine::now_micros();
    let plan = made::Plan::new(options.entries, until);
    runtime()?.block_on(async {
        let mut store = Store::open(&place).await?;
        plan.write(&mut store).await?;
        store.finish().await
    })?;
    eprintln!("✓ Written ({:.0} s)", since.elapsed().as_secs_f64());
    let folding = fold(options, &place)?;
    let bytes = place.table_bytes()?;
    let made = Manifest {
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
    fs::write(&file, serde_json::to_string_pretty(&made)?)?;
    Ok(History {
        place,
        name,
        made,
        folding: Some(folding),
    })
}

/// A number that changes with the tables and indexes, taken from an embedded
/// database that the server has just made.
fn schema(options: &Options, database: &Database) -> anyhow::Result<u64> {
    let folder: PathBuf = options.work.join("schema");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let place = Place {
        kind: Kind::Sqlite,
        url: format!("sqlite://{}", folder.join("tocsin.sqlite").display()),
        folder,
        server_pid: None,
    };
    Target::tocsin(options, &place, &[])?.stop()?;
    let rows = runtime()?.block_on(async {
        let sql = "SELECT COALESCE(sql, name), 0 FROM sqlite_master ORDER BY name";
        place.connect().await?.rows(sql).await
    })?;
    let mut hasher = DefaultHasher::new();
    rows.hash(&mut hasher);
    database.kind().name().hash(&mut hasher);
    Ok(hasher.finish())
}

/// Starts the server and waits until it has folded what waits to be.
fn fold(options: &Options, place: &Place) -> anyhow::Result<Duration> {
    let target = Target::tocsin(options, place, &[])?;
    let since = Instant::now();
    let folded = runtime()?
        .block_on(async {
            let mut connection = place.connect().await?;
            let (mut least, mut moved) = (i64::MAX, Instant::now());
            loop {
                let left = connection.number("SELECT COUNT(*) FROM backlog").await?;
                if left == 0 || since.elapsed() > FOLDING {
                    return anyhow::Ok(left == 0);
                }
                if left < least {
                    (least, moved) = (left, Instant::now());
                }
                if moved.elapsed() > Duration::from_secs(60) {
                    return Ok(false);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .context("waiting for the roll-ups")?;
    let took = since.elapsed();
    match folded {
        true => eprintln!("✓ Roll-ups and search index ({:.0} s)", took.as_secs_f64()),
        false => eprintln!("! The server leaves rows in the backlog; measured as it is"),
    }
    target.stop()?;
    Ok(took)
}
