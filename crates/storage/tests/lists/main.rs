//! The log and the incidents as lists: filters, pages, counts, walks, and how
//! the databases go about them.

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
