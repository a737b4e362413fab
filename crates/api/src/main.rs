//! The `tocsin` program.
mod config;
fn main() {}
