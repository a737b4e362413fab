//! Accounts, the audit log and idempotency keys, on both databases.

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

mod audit;
mod failures;
mod fixtures;
mod once;
mod sessions;
mod tokens;
mod users;
