//! Lists of log entries and incidents: filters, pages, counts, walks and query plans.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed, and says where"
)]

#[expect(
    dead_code,
    reason = "fixtures for several test programs, of which this one needs some"
)]
#[path = "../common/mod.rs"]
mod common;

mod filters;
mod incidents;
mod log;
mod narrowed;
mod plans;
mod world;
