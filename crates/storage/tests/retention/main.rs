//! Retention and archives, on both databases.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed, and says where"
)]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod common;

mod archive;
mod history;
mod log;
mod others;
mod sizes;
