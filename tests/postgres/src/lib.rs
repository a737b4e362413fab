//! PostgreSQL for tests: each test gets its own database, on one server that all test
//! processes of this machine share.
//!
//! Test runners start one process per test, and creating a server takes more than a
//! second. The first test starts the server; it stops by itself once no test has used it
//! for a while. `TOCSIN_TEST_POSTGRES` can point to a running server instead, whose user
//! must be allowed to create databases.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot run says so by panicking"
)]

mod programs;
mod server;

use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use server::Server;

/// A new database, deleted on drop.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    name: String,
}

impl TestDatabase {
    /// Creates an empty database.
    ///
    /// # Panics
    /// There is no PostgreSQL, and the message says what to do.
    #[must_use]
    pub fn create() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tocsin_test_{}_{number}", std::process::id());
        // A process of this number may have been killed before it cleaned up.
        run(&[
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            &format!("CREATE DATABASE {name} TEMPLATE template0"),
        ])
        .unwrap_or_else(|error| panic!("the test's database was not made: {error}"));
        let mut url = url::Url::parse(&server().url)
            .unwrap_or_else(|error| panic!("TOCSIN_TEST_POSTGRES is no address: {error}"));
        url.set_path(&name);
        Self {
            url: url.into(),
            name,
        }
    }

    /// Runs an SQL script in the format of `pg_dump`.
    ///
    /// # Panics
    /// A statement fails.
    pub fn load(&self, file: &std::path::Path) {
        let loaded = Command::new(programs::find("psql"))
            .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"])
            .args(["--dbname", &self.url, "--file"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output()
            .expect("psql starts");
        assert!(
            loaded.status.success(),
            "{}",
            String::from_utf8_lossy(&loaded.stderr)
        );
    }

    /// Dumps the database with `pg_dump` and these options.
    ///
    /// # Panics
    /// It fails.
    #[must_use]
    pub fn dump(&self, options: &[&str]) -> String {
        let dumped = Command::new(programs::find("pg_dump"))
            .args(options)
            .args(["--dbname", &self.url])
            .stdin(Stdio::null())
            .output()
            .expect("pg_dump starts");
        assert!(
            dumped.status.success(),
            "{}",
            String::from_utf8_lossy(&dumped.stderr)
        );
        String::from_utf8_lossy(&dumped.stdout).into_owned()
    }

    /// Closes all connections and rejects new ones, like an outage.
    ///
    /// # Panics
    /// The server does not do it.
    pub fn cut_off(&self) {
        let name = &self.name;
        run(&[
            &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
            &format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            ),
        ])
        .expect("the database is cut off");
    }

    /// Ends the outage.
    ///
    /// # Panics
    /// The server does not do it.
    pub fn restore(&self) {
        let statement = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name);
        run(&[&statement]).expect("the database is restored");
    }

    /// The connection URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// A server for one test only, which can be killed and restarted without affecting other
/// tests.
#[derive(Debug)]
pub struct OwnServer(server::Own);

impl OwnServer {
    /// Starts an empty server.
    ///
    /// # Panics
    /// There is no PostgreSQL, and the message says what to do.
    #[must_use]
    pub fn start() -> Self {
        Self(server::Own::start())
    }

    /// The connection URL of its database.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Kills the server.
    ///
    /// # Panics
    /// It does not stop.
    pub fn crash(&self) {
        self.0.crash();
    }

    /// Restarts the server.
    ///
    /// # Panics
    /// It does not start.
    pub fn run(&self) {
        self.0.run();
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // Not asserted: a failing test is not to become an abort.
        let _ = run(&[&format!(
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            self.name
        )]);
    }
}

/// The server, kept from ending while this process lives.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var("TOCSIN_TEST_POSTGRES") {
        Ok(url) => Server::elsewhere(url),
        Err(_) => Server::here(),
    })
}

fn run(statements: &[&str]) -> Result<(), String> {
    let mut psql = Command::new(programs::find("psql"));
    psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]);
    // Each on its own: a database is not made within a transaction.
    statements.iter().for_each(|statement| {
        psql.args(["--command", statement]);
    });
    psql.args(["--dbname", &server().url]).stdin(Stdio::null());
    let output = psql
        .output()
        .map_err(|error| format!("psql does not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_made_and_removed() {
        let (one, two) = (TestDatabase::create(), TestDatabase::create());
        assert_ne!(one.url(), two.url());
        let name = one.name.clone();
        drop(one);
        let again = run(&[
            &format!("CREATE DATABASE {name}"),
            &format!("DROP DATABASE {name}"),
        ]);
        assert_eq!(again, Ok(()));
    }
}
