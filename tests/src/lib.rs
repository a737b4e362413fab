//! What the end-to-end tests stand on: the real program with a folder, a port
//! and a database of its own, real senders, and a real SMTP server.
//!
//! A test reads: start a [`Tocsin`] (with [`Options`]), [`Tocsin::post`] a
//! [`Webhook`] or a fixture, look with [`Tocsin::get`], and where something
//! happens by itself wait for it with [`wait_until`]. Every answer that passes
//! through is compared with `openapi/openapi.json` on its way.
//!
//! Tests of what reaches the database run on both, by [`on_both!`].

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot run says so by panicking"
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

/// Makes a test for each database of each `async fn NAME(database: Database)`.
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
