//! End-to-end tests: the real program, real webhook bodies, real databases, real
//! e-mail. One test program, because each would link the same libraries.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests are tests"
)]

mod accounts;
mod acknowledge;
mod attacks;
mod audit;
mod audit_coverage;
mod bounds;
mod changes;
mod command_line;
mod crash;
mod database_files;
mod dedup;
mod demo;
mod description;
mod directory;
mod events;
mod export;
mod filters;
mod incident_lifecycle;
mod injection;
mod limits;
mod load;
mod logging;
mod mail;
mod malformed_payloads;
mod oidc_callback;
mod oidc_forged_tokens;
mod outages;
mod payload_corpus;
mod private_files;
mod program;
mod prometheus_stack;
mod proxy_sign_in;
mod replicas;
mod retention;
mod roles;
mod secrets;
mod security;
mod sessions;
mod sign_in;
mod single_sign_on;
mod teams;
mod tls;
mod tokens;
mod trusted_proxies;
mod wrong_webhook_paths;
