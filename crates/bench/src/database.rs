//! The databases under test: their files, and direct access.

mod cluster;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection,
    sqlite::SqliteConnectOptions,
};

use crate::options::Options;
use cluster::Cluster;

/// Database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "sqlite" => Some(Self::Sqlite),
            "postgres" => Some(Self::Postgres),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// The databases under test.
#[derive(Debug)]
pub(crate) struct Databases {
    sqlite: Database,
    postgres: Option<Database>,
}

impl Databases {
    /// Opens the databases. Starts a PostgreSQL server if it is selected.
    pub(crate) fn open(options: &Options) -> anyhow::Result<Self> {
        let work = options.work.clone();
        let postgres = options.databases.contains(&Kind::Postgres);
        let cluster = postgres.then(|| Cluster::start(&work)).transpose()?;
        Ok(Self {
            postgres: cluster.map(|cluster| Database {
                work: work.clone(),
                cluster: Some(cluster),
            }),
            sqlite: Database {
                work,
                cluster: None,
            },
        })
    }

    pub(crate) fn get(&self, kind: Kind) -> &Database {
        match (kind, &self.postgres) {
            (Kind::Postgres, Some(postgres)) => postgres,
            _ => &self.sqlite,
        }
    }
}

/// A database engine that data directories are created for.
#[derive(Debug)]
pub(crate) struct Database {
    work: PathBuf,
    cluster: Option<Cluster>,
}

/// Data directory of a server, with the URL of its database.
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
    pub(crate) url: String,
    /// Process ID of the database server. `None` for SQLite.
    pub(crate) server_pid: Option<u32>,
}

impl Database {
    pub(crate) fn kind(&self) -> Kind {
        match self.cluster {
            Some(_) => Kind::Postgres,
            None => Kind::Sqlite,
        }
    }

    /// The data directory with this name, unchanged.
    pub(crate) fn data_dir(&self, name: &str) -> DataDir {
        let folder = self
            .work
            .join(format!("{name}-{}", self.kind().name().to_lowercase()));
        let (url, server_pid) = match &self.cluster {
            Some(cluster) => (cluster.url(name), Some(cluster.pid())),
            None => (
                format!("sqlite://{}", folder.join("tocsin.sqlite").display()),
                None,
            ),
        };
        DataDir {
            kind: self.kind(),
            path: folder,
            url,
            server_pid,
        }
    }

    /// Creates a data directory with an empty database.
    pub(crate) fn empty(&self, name: &str) -> anyhow::Result<DataDir> {
        let data_dir = self.data_dir(name);
        self.remove(name)?;
        fs::create_dir_all(&data_dir.path)?;
        if let Some(cluster) = &self.cluster {
            cluster.admin(&format!("CREATE DATABASE {name} TEMPLATE template0"))?;
        }
        Ok(data_dir)
    }

    /// Creates a data directory with a copy of a database that is not in use.
    pub(crate) fn copy(
        &self,
        from: &DataDir,
        from_name: &str,
        name: &str,
    ) -> anyhow::Result<DataDir> {
        self.remove(name)?;
        let data_dir = self.data_dir(name);
        fs::create_dir_all(&data_dir.path)?;
        match &self.cluster {
            Some(cluster) => {
                cluster.admin(&format!("CREATE DATABASE {name} TEMPLATE {from_name}"))?;
                cluster.admin("CHECKPOINT")?;
            }
            None => {
                let file = data_dir.path.join("tocsin.sqlite");
                fs::copy(from.path.join("tocsin.sqlite"), &file)?;
                // Otherwise the first commits wait until the copy is on disk.
                fs::File::open(&file)?.sync_all()?;
            }
        }
        Ok(data_dir)
    }

    pub(crate) fn remove(&self, name: &str) -> anyhow::Result<()> {
        let folder = self.data_dir(name).path;
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        if let Some(cluster) = &self.cluster {
            cluster.admin(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        }
        Ok(())
    }
}

/// A database connection of the benchmark.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Creates a runtime for [`Connection`]s.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

impl DataDir {
    pub(crate) async fn connect(&self) -> anyhow::Result<Connection> {
        let connected = match self.kind {
            Kind::Sqlite => {
                let options = SqliteConnectOptions::new()
                    .filename(self.file())
                    .busy_timeout(std::time::Duration::from_secs(30));
                SqliteConnection::connect_with(&options)
                    .await
                    .map(Connection::Sqlite)
            }
            Kind::Postgres => PgConnection::connect(&self.url)
                .await
                .map(Connection::Postgres),
        };
        connected.with_context(|| format!("cannot open {}", self.url))
    }

    /// The SQLite database file.
    pub(crate) fn file(&self) -> PathBuf {
        self.path.join("tocsin.sqlite")
    }

    /// Size of each table with its indexes, in bytes.
    pub(crate) fn table_bytes(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        runtime()?.block_on(async {
            let mut connection = self.connect().await?;
            let rows = connection.rows(self.kind.size_query()).await?;
            let bytes = rows.into_iter().map(|(table, bytes)| {
                Ok((
                    table,
                    u64::try_from(bytes).map_err(|_| anyhow!("a negative size"))?,
                ))
            });
            bytes.collect()
        })
    }
}

impl Kind {
    fn size_query(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT COALESCE(m.tbl_name, d.name), SUM(d.pgsize) FROM dbstat d \
                 LEFT JOIN sqlite_master m ON m.name = d.name GROUP BY 1"
            }
            Self::Postgres => {
                "SELECT CAST(relname AS TEXT), pg_total_relation_size(oid) FROM pg_class \
                 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            }
        }
    }
}

impl Connection {
    pub(crate) async fn run(&mut self, sql: &str) -> anyhow::Result<()> {
        let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let result = match self {
            Self::Sqlite(sqlite) => statement.execute(sqlite).await.map(|_| ()),
            Self::Postgres(postgres) => statement.execute(postgres).await.map(|_| ()),
        };
        result.with_context(|| sql.to_owned())
    }

    /// Rows with a string and an integer.
    pub(crate) async fn rows(&mut self, sql: &str) -> anyhow::Result<Vec<(String, i64)>> {
        let query = AssertSqlSafe(sql.to_owned());
        let rows = match self {
            Self::Sqlite(sqlite) => {
                let rows = sqlx::query(query).fetch_all(sqlite).await;
                rows.and_then(|rows| {
                    rows.iter()
                        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
                        .collect()
                })
            }
            Self::Postgres(postgres) => {
                let rows = sqlx::query(query).fetch_all(postgres).await;
                rows.and_then(|rows| {
                    rows.iter()
                        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
                        .collect()
                })
            }
        };
        rows.with_context(|| sql.to_owned())
    }

    /// A single integer.
    pub(crate) async fn number(&mut self, sql: &str) -> anyhow::Result<i64> {
        let rows = self.rows(&format!("SELECT '', ({sql})")).await?;
        Ok(rows.first().map_or(0, |row| row.1))
    }
}

/// Fails if PostgreSQL's user cannot access `path`.
fn require_accessible(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    for folder in path.ancestors().skip(1) {
        let mode = folder.metadata()?.permissions().mode();
        if mode & 0o001 == 0 {
            return Err(anyhow!(
                "PostgreSQL's user cannot access {}; set CARGO_TARGET_DIR to another directory",
                folder.display()
            ));
        }
    }
    Ok(())
}
