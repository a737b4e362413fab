//! Tocsin's build and test steps: `cargo xtask COMMAND`.
//!
//! One file for each command; what they share is in [`project`] (where things
//! are), [`process`] (running programs), [`say`] (telling the user), [`system`]
//! (packages) and [`toolchain`] (WebAssembly). To add a command, write a module
//! with a `run` that reads its arguments from a `lexopt::Parser`, and name it in `main` and
//! in `USAGE`.

mod bench;
mod frontend;
mod openapi;
mod process;
mod project;
mod run;
mod say;
mod server;
mod styles;
mod system;
mod test;
mod toolchain;

use std::process::ExitCode;

use anyhow::{Context as _, bail};

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  run       build everything and start Tocsin
              --port N        port on loopback (8080)
              --host ADDRESS  another address than 127.0.0.1
              --data-dir DIR  where the data lives (./data; ./data-demo with --demo)
              --demo          a database of its own, filled with realistic history
  test      format, lints, unit, end-to-end, contract and browser
              tests
              --only NAME     one layer (may be repeated)
  bench     what it does in a second, beside what this machine does at best
              --small         only to see that it works
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
    match dispatch() {
        Ok(code) => code,
        Err(error) => {
            say::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> anyhow::Result<ExitCode> {
    let mut arguments = lexopt::Parser::from_env();
    match arguments.next()? {
        None => bail!("which command?\n\n{USAGE}"),
        Some(lexopt::Arg::Short('h') | lexopt::Arg::Long("help")) => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        Some(lexopt::Arg::Value(command)) => match command.to_str() {
            Some("run") => run::run(arguments).map(|()| ExitCode::SUCCESS),
            Some("test") => test::run(arguments),
            Some("bench") => bench::run(arguments).map(|()| ExitCode::SUCCESS),
            Some("frontend") => frontend::run(arguments).map(|()| ExitCode::SUCCESS),
            Some("styles") => styles::run(arguments).map(|()| ExitCode::SUCCESS),
            Some("openapi") => openapi::run(arguments).map(|()| ExitCode::SUCCESS),
            Some("help") => {
                print!("{USAGE}");
                Ok(ExitCode::SUCCESS)
            }
            _ => bail!("there is no command {command:?}\n\n{USAGE}"),
        },
        Some(other) => Err(other.unexpected()).context(USAGE),
    }
}
