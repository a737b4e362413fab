//! The real program from outside: real bodies, real databases, real mail. One
//! program of tests, because each would link the same libraries again.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests are tests"
)]

mod acknowledge;
mod corpus;
mod directory;
mod filters;
mod nasty;
mod rules;
