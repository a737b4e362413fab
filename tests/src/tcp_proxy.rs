//! A gate between a program and its PostgreSQL: shut, the server is gone;
//! silent, it takes connections and says nothing, as where its machine hangs.

use std::path::PathBuf;

use tocsin_test_postgres::TestDatabase;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// How much passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    Open,
    Silent,
    Shut,
}

/// The gate, and the database behind it. Gone with this.
#[derive(Debug)]
pub struct TcpProxy {
    port: u16,
    database: TestDatabase,
    passage: watch::Sender<Passage>,
}

impl TcpProxy {
    /// An open one before a new database.
    pub(crate) async fn open() -> Self {
        let made = tokio::task::spawn_blocking(TestDatabase::create).await;
        let database = made.expect("a database on PostgreSQL");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let (passage, passing) = watch::channel(Passage::Open);
        tokio::spawn(accept(listener, server(database.url()), passing));
        Self {
            port,
            database,
            passage,
        }
    }

    /// The database's address, through the gate.
    #[must_use]
    pub fn url(&self) -> String {
        let name = url::Url::parse(self.database.url()).expect("an address");
        let name = name.path().trim_start_matches('/');
        format!(
            "postgres://postgres@127.0.0.1:{}/{name}?sslmode=disable",
            self.port
        )
    }

    /// Connections break, and no new one is made.
    pub fn shut(&self) {
        self.passage.send_replace(Passage::Shut);
    }

    /// Nothing passes, and nobody is told.
    pub fn silence(&self) {
        self.passage.send_replace(Passage::Silent);
    }

    /// All passes again, also what waited.
    pub fn reopen(&self) {
        self.passage.send_replace(Passage::Open);
    }
}

/// Where the server itself listens.
enum Server {
    Socket(PathBuf),
    Port(String),
}

fn server(url: &str) -> Server {
    let url = url::Url::parse(url).expect("an address");
    let port = url.port().unwrap_or(5432);
    let socket = url
        .query_pairs()
        .find(|(name, _)| name == "host")
        .map(|(_, directory)| PathBuf::from(&*directory).join(format!(".s.PGSQL.{port}")));
    match socket {
        Some(socket) => Server::Socket(socket),
        None => Server::Port(format!("{}:{port}", url.host_str().unwrap_or("localhost"))),
    }
}

async fn accept(listener: TcpListener, server: Server, mut passing: watch::Receiver<Passage>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // The gate is gone.
            Err(_) = stays(&mut passing) => return,
        };
        let Ok((client, _)) = accepted else { return };
        if *passing.borrow() == Passage::Shut {
            continue;
        }
        match &server {
            Server::Socket(path) => {
                if let Ok(behind) = UnixStream::connect(path).await {
                    let (from, to) = behind.into_split();
                    pass(client, from, to, &passing);
                }
            }
            Server::Port(address) => {
                if let Ok(behind) = TcpStream::connect(address).await {
                    let (from, to) = behind.into_split();
                    pass(client, from, to, &passing);
                }
            }
        }
    }
}

/// Returns only when the gate is gone.
async fn stays(passing: &mut watch::Receiver<Passage>) -> Result<(), watch::error::RecvError> {
    loop {
        passing.changed().await?;
    }
}

fn pass(
    client: TcpStream,
    from: impl AsyncRead + Send + Unpin + 'static,
    to: impl AsyncWrite + Send + Unpin + 'static,
    passing: &watch::Receiver<Passage>,
) {
    let (client_from, client_to) = client.into_split();
    tokio::spawn(copy(client_from, to, passing.clone()));
    tokio::spawn(copy(from, client_to, passing.clone()));
}

/// Passes on what comes. Either way's end ends the other by itself, because
/// both ends are closed then.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut passing: watch::Receiver<Passage>,
) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            _ = passing.wait_for(|passage| *passage == Passage::Shut) => return,
        };
        let Ok(length @ 1..) = read else { return };
        match passing.wait_for(|p| *p != Passage::Silent).await.as_deref() {
            Ok(Passage::Open) => {}
            _ => return,
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
