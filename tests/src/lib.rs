//! Harness of the end-to-end tests: the real program with its own folder, port
//! and database, real senders, and a real SMTP server.
//!
//! A test starts a [`Tocsin`] (with [`Options`]), posts a [`Webhook`] or a fixture
//! with [`Tocsin::post`], reads with [`Tocsin::get`], and waits for asynchronous
//! results with [`wait_until`]. Every response is validated against
//! `openapi/openapi.json`.
//!
//! Tests that use the database run on both with [`on_both!`].

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot run panics"
)]

mod body;
mod browser_session;
mod client;
mod database;
mod events;
mod fake_idp;
mod fixtures;
mod http;
mod inbox;
mod metrics;
mod monitoring;
mod numbers;
mod openid;
mod options;
mod people;
mod process;
mod scenario;
mod schema;
mod smtp;
mod tcp_proxy;
mod tocsin;
mod wait;
mod walk;

pub use body::{TestAlert, Webhook, ago, firing, now, resolved};
pub use browser_session::BrowserSession;
pub use client::{Reply, Request};
pub use database::Database;
pub use events::{Event, EventStream};
pub use fake_idp::FakeIdp;
pub use fixtures::fixture;
pub use http::{http_client, https_client};
pub use inbox::Mail;
pub use metrics::Metrics;
pub use monitoring::{Exporter, Sender};
pub use openid::OpenIdProvider;
pub use options::Options;
pub use people::{Team, team};
pub use process::{Finished, binary, program, run, workspace};
pub use scenario::{Scenario, ScenarioStep};
pub use schema::check_examples;
pub use smtp::{Certificates, SmtpServer};
pub use tcp_proxy::TcpProxy;
pub use tocsin::Tocsin;
pub use wait::{eventually, eventually_within, wait_until};
pub use walk::Walk;

/// Creates a test on each database for each `async fn NAME(database: Database)`.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::Database::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::Database::postgres().await).await;
            })+
        }
    };
}
