//! The real program from outside: real bodies, real databases, real mail. One
//! program of tests, because each would link the same libraries again.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests are tests"
)]

mod accounts;
mod acknowledge;
mod arrivals;
mod attacks;
mod audit;
mod bounds;
mod changes;
mod command_line;
mod corpus;
mod crash;
mod database_files;
mod deeds;
mod demo;
mod description;
mod directory;
mod events;
mod export;
mod filters;
mod forged_sign_on;
mod lifecycle;
mod limits;
mod load;
mod logging;
mod mail;
mod misdirected;
mod nasty;
mod outages;
mod private_files;
mod program;
mod proxy_sign_in;
mod real_input;
mod replicas;
mod retention;
mod roles;
mod rules;
mod secrets;
mod security;
mod sessions;
mod sign_in;
mod sign_on_back;
mod single_sign_on;
mod teams;
mod texts;
mod tls;
mod tokens;
