//! The real program from outside: real bodies, real databases, real mail. One
//! program of tests, because each would link the same libraries again.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod accounts;
mod acknowledge;
mod corpus;
mod crash;
mod directory;
mod events;
mod export;
mod filters;
mod limits;
mod load;
mod mail;
mod nasty;
mod outages;
mod program;
mod real_input;
mod replicas;
mod retention;
mod roles;
mod rules;
mod secrets;
mod security;
mod single_sign_on;
mod tokens;
mod upgrade;
