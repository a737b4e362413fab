//! Tocsin's build and test steps: `cargo xtask COMMAND`.
//!
//! A workspace of its own, built from the standard library and `crates/machine`
//! alone: it runs before anything is downloaded, so that it can check the machine
//! first and say what is missing. What needs libraries is a program that it
//! builds (`crates/bundler`, `crates/bench`).
//!
//! One file for each command; what they share is in [`project`] (where things
//! are), [`checks`], [`download`], [`builds`] (cargo, with its progress), [`apt`]
//! (packages), [`toolchain`] (WebAssembly), [`node`], and [`terminal`]. A step
//! that fails ends with a [`failure::Failure`]. To add a command, write a module
//! with a `run` that reads its [`arguments::Arguments`], and name it in
//! [`dispatch`] and in `USAGE`.

mod apt;
mod arguments;
mod bench;
mod builds;
mod checks;
mod download;
mod failure;
mod frontend;
mod node;
mod openapi;
mod process;
mod project;
mod run;
mod server;
mod styles;
mod terminal;
mod test;
mod toolchain;

use std::process::ExitCode;

use arguments::Arguments;
use failure::{Failure, Result};

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  run       build everything and start Tocsin
              --port N        port on loopback (8080)
              --host ADDRESS  another address than 127.0.0.1
              --data-dir DIR  where the data lives (./data; ./data-demo with --demo)
              --demo          a database of its own, filled with realistic history
  test      format, lints, unit, end-to-end, contract and browser
              tests
              --only NAME     one layer (may be repeated); fresh-machine runs
                              only so
  bench     throughput and latency, beside what this machine can do at best
              --small         a few seconds, to see that it works
              --only NAME     sqlite or postgres; ingest, bytes, memory, queries
                              or stored (may be repeated)
              --entries N     log entries of the history (10000000)
              --seconds N     load for each cell (5)
              --repetitions N of each query (5)
              --write         put the tables into the READMEs
  frontend  build the browser program into frontend/dist
              --release       small and compressed, as it is shipped
              --watch         build again whenever a source changes
  styles    make frontend/static/style.css with Tailwind (needs Node.js)
              --check         only compare it with the committed file
  openapi   write openapi/openapi.json from the server's own description
              --check         only compare it with the committed file
";

fn main() -> ExitCode {
    match dispatch(Arguments::new(std::env::args_os().skip(1))) {
        Ok(code) => code,
        Err(failure) => {
            terminal::error(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

fn dispatch(mut arguments: Arguments) -> Result<ExitCode> {
    let done = match arguments.next()?.as_deref() {
        Some("run") => run::run(arguments),
        Some("test") => return test::run(arguments),
        Some("bench") => bench::run(arguments),
        Some("frontend") => frontend::run(arguments),
        Some("styles") => styles::run(arguments),
        Some("openapi") => openapi::run(arguments),
        Some("help" | "--help" | "-h") => {
            print!("{USAGE}");
            Ok(())
        }
        None => Err(Failure::usage("It names no command")),
        Some(other) => Err(Failure::usage(format!("There is no command {other}"))),
    };
    done.map(|()| ExitCode::SUCCESS)
}
