//! Reading, acknowledging and configuring, on both databases.

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

mod acknowledge;
mod budget;
mod deliveries;
mod directory;
mod feed;
mod mails;
