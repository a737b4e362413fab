//! The two databases: where their files are, and asking them directly.

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

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
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

/// Both, opened.
#[derive(Debug)]
pub(crate) struct Databases {
    sqlite: Database,
    postgres: Option<Database>,
}

impl Databases {
    /// Starts a PostgreSQL of its own where it is measured.
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

    pub(crate) fn of(&self, kind: Kind) -> &Database {
        match (kind, &self.postgres) {
            (Kind::Postgres, Some(postgres)) => postgres,
            _ => &self.sqlite,
        }
    }
}

/// One kind of database, in which places are made.
#[derive(Debug)]
pub(crate) struct Database {
    work: PathBuf,
    cluster: Option<Cluster>,
}

/// A folder for a server, with the address of its database.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) folder: PathBuf,
    pub(crate) url: String,
    /// The database server's process, if it is one of its own.
    pub(crate) server_pid: Option<u32>,
}

impl Database {
    pub(crate) fn kind(&self) -> Kind {
        match self.cluster {
            Some(_) => Kind::Postgres,
            None => Kind::Sqlite,
        }
    }

    /// A place as it was left.
    pub(crate) fn place(&self, name: &str) -> Place {
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
        Place {
            kind: self.kind(),
            folder,
            url,
            server_pid,
        }
    }

    /// A place with an empty database.
    pub(crate) fn empty(&self, name: &str) -> anyhow::Result<Place> {
        let place = self.place(name);
        self.remove(name)?;
        fs::create_dir_all(&place.folder)?;
        if let Some(cluster) = &self.cluster {
            cluster.admin(&format!("CREATE DATABASE {name} TEMPLATE template0"))?;
        }
        Ok(place)
    }

    /// A place with a copy of another one's database, which no one uses now.
    pub(crate) fn copy(&self, from: &Place, from_name: &str, name: &str) -> anyhow::Result<Place> {
        self.remove(name)?;
        let place = self.place(name);
        fs::create_dir_all(&place.folder)?;
        match &self.cluster {
            Some(cluster) => {
                cluster.admin(&format!("CREATE DATABASE {name} TEMPLATE {from_name}"))?;
                cluster.admin("CHECKPOINT")?;
            }
            None => {
                let file = place.folder.join("tocsin.sqlite");
                fs::copy(from.folder.join("tocsin.sqlite"), &file)?;
                // Else the first commits wait for the copy to reach the disk.
                fs::File::open(&file)?.sync_all()?;
            }
        }
        Ok(place)
    }

    pub(crate) fn remove(&self, name: &str) -> anyhow::Result<()> {
        let folder = self.place(name).folder;
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        if let Some(cluster) = &self.cluster {
            cluster.admin(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        }
        Ok(())
    }
}

/// A connection of our own.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A runtime for [`Connection`]s.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

impl Place {
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

    /// The embedded database's file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("tocsin.sqlite")
    }

    /// Bytes of each table with its indexes.
    pub(crate) fn table_bytes(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        runtime()?.block_on(async {
            let mut connection = self.connect().await?;
            let rows = connection.rows(self.kind.sizes()).await?;
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
    fn sizes(self) -> &'static str {
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
        let done = match self {
            Self::Sqlite(sqlite) => statement.execute(sqlite).await.map(|_| ()),
            Self::Postgres(postgres) => statement.execute(postgres).await.map(|_| ()),
        };
        done.with_context(|| sql.to_owned())
    }

    /// Rows of a text and a number.
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

    /// One number.
    pub(crate) async fn number(&mut self, sql: &str) -> anyhow::Result<i64> {
        let rows = self.rows(&format!("SELECT '', ({sql})")).await?;
        Ok(rows.first().map_or(0, |row| row.1))
    }
}

/// Where `path` is on no disk of its own for PostgreSQL's user, says so.
fn require_reachable(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    for folder in path.ancestors().skip(1) {
        let mode = folder.metadata()?.permissions().mode();
        if mode & 0o001 == 0 {
            return Err(anyhow!(
                "{} is closed to PostgreSQL's user; set CARGO_TARGET_DIR to a folder that is not",
                folder.display()
            ));
        }
    }
    Ok(())
}
