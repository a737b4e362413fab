//! A TCP proxy in front of PostgreSQL. Disconnected, it simulates a stopped server;
//! stalled, it accepts connections but passes nothing on, as a hung machine does.

use std::path::PathBuf;

use tocsin_test_postgres::TestDatabase;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// What the proxy passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProxyMode {
    Open,
    Stalled,
    Disconnected,
}

/// The proxy and the database behind it. Both end when this value is dropped.
#[derive(Debug)]
pub struct TcpProxy {
    port: u16,
    database: TestDatabase,
    mode: watch::Sender<ProxyMode>,
}

impl TcpProxy {
    /// An open proxy in front of a new database.
    pub(crate) async fn open() -> Self {
        let created = tokio::task::spawn_blocking(TestDatabase::create).await;
        let database = created.expect("a database on PostgreSQL");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("a local address").port();
        let (mode, mode_changes) = watch::channel(ProxyMode::Open);
        tokio::spawn(accept(listener, server(database.url()), mode_changes));
        Self {
            port,
            database,
            mode,
        }
    }

    /// The database URL through the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        let name = url::Url::parse(self.database.url()).expect("a URL");
        let name = name.path().trim_start_matches('/');
        format!(
            "postgres://postgres@127.0.0.1:{}/{name}?sslmode=disable",
            self.port
        )
    }

    /// Closes all connections and accepts no new ones.
    pub fn disconnect(&self) {
        self.mode.send_replace(ProxyMode::Disconnected);
    }

    /// Passes nothing on, without closing connections.
    pub fn stall(&self) {
        self.mode.send_replace(ProxyMode::Stalled);
    }

    /// Passes everything on again, including data that has waited.
    pub fn reopen(&self) {
        self.mode.send_replace(ProxyMode::Open);
    }
}

/// Where the PostgreSQL server listens.
enum Server {
    Socket(PathBuf),
    Port(String),
}

fn server(url: &str) -> Server {
    let url = url::Url::parse(url).expect("a URL");
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

async fn accept(
    listener: TcpListener,
    server: Server,
    mut mode_changes: watch::Receiver<ProxyMode>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // The proxy was dropped.
            Err(_) = wait_until_dropped(&mut mode_changes) => return,
        };
        let Ok((client, _)) = accepted else { return };
        if *mode_changes.borrow() == ProxyMode::Disconnected {
            continue;
        }
        match &server {
            Server::Socket(path) => {
                if let Ok(behind) = UnixStream::connect(path).await {
                    let (from, to) = behind.into_split();
                    pass(client, from, to, &mode_changes);
                }
            }
            Server::Port(address) => {
                if let Ok(behind) = TcpStream::connect(address).await {
                    let (from, to) = behind.into_split();
                    pass(client, from, to, &mode_changes);
                }
            }
        }
    }
}

/// Returns when the proxy is dropped.
async fn wait_until_dropped(
    mode_changes: &mut watch::Receiver<ProxyMode>,
) -> Result<(), watch::error::RecvError> {
    loop {
        mode_changes.changed().await?;
    }
}

fn pass(
    client: TcpStream,
    from: impl AsyncRead + Send + Unpin + 'static,
    to: impl AsyncWrite + Send + Unpin + 'static,
    mode_changes: &watch::Receiver<ProxyMode>,
) {
    let (client_from, client_to) = client.into_split();
    tokio::spawn(copy(client_from, to, mode_changes.clone()));
    tokio::spawn(copy(from, client_to, mode_changes.clone()));
}

/// Copies in one direction. If it ends, so does the other direction, because both
/// connections are closed.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut mode_changes: watch::Receiver<ProxyMode>,
) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            _ = mode_changes.wait_for(|mode| *mode == ProxyMode::Disconnected) => return,
        };
        let Ok(length @ 1..) = read else { return };
        match mode_changes
            .wait_for(|p| *p != ProxyMode::Stalled)
            .await
            .as_deref()
        {
            Ok(ProxyMode::Open) => {}
            _ => return,
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
