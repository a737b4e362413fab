//! `cargo xtask test [--only NAME]`: every check there is, in layers.
//!
//! A layer that fails does not stop the others, so that one run shows all there
//! is to mend; only what builds on it is left out. To add a layer, write a
//! function in [`layers`] and name it in [`LAYERS`].
//!
//! The browser files come before the lints: the server embeds them, so nothing
//! of it compiles in the one feature selection that all layers share
//! ([`crate::server::TEST_SELECTION`]) until they are there.

mod contract;
mod layers;
mod setup;
mod summary;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{bail, ensure};
use lexopt::ValueExt as _;

use crate::{project::Project, say};
use summary::{Counts, Outcome, Row};

/// One kind of check.
struct Layer {
    name: &'static str,
    run: fn(&mut Bench) -> anyhow::Result<Counts>,
    /// What it cannot do without, and fails for when that failed.
    after: Option<&'static str>,
}

const LAYERS: [Layer; 10] = [
    layer("format", layers::format, None),
    layer("frontend", layers::frontend, None),
    layer("lint", layers::lint, Some("frontend")),
    layer("unit", layers::unit, Some("frontend")),
    layer("styles", layers::styles, None),
    layer("openapi", layers::openapi, Some("frontend")),
    layer("e2e", layers::e2e, Some("frontend")),
    layer("contract", contract::run, Some("frontend")),
    layer("browser", layers::browser, Some("frontend")),
    layer("bench", layers::bench, Some("frontend")),
];

const fn layer(
    name: &'static str,
    run: fn(&mut Bench) -> anyhow::Result<Counts>,
    after: Option<&'static str>,
) -> Layer {
    Layer { name, run, after }
}

/// What the layers work with, and hand on to each other.
struct Bench {
    project: Project,
    found: setup::Found,
    browser_files: bool,
    binary: Option<PathBuf>,
}

/// Runs the layers; the exit code tells whether all of them passed.
pub(crate) fn run(arguments: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let only = parse(arguments)?;
    let chosen: Vec<&Layer> = LAYERS
        .iter()
        .filter(|layer| only.is_empty() || only.iter().any(|name| name == layer.name))
        .collect();
    let names: Vec<&str> = chosen.iter().map(|layer| layer.name).collect();
    let project = Project::here();

    heading("setup");
    let since = Instant::now();
    let found = match setup::prepare(&project, &names) {
        Ok(found) => found,
        Err(error) => {
            say::error(&format!("{error:#}"));
            let row = Row::new("setup", Outcome::Failed(Counts::default()), since.elapsed());
            return Ok(conclude(&[row]));
        }
    };
    let mut rows = vec![Row::new("setup", Outcome::Ready, since.elapsed())];

    let mut bench = Bench {
        project,
        found,
        browser_files: false,
        binary: None,
    };
    for layer in chosen {
        heading(layer.name);
        let since = Instant::now();
        let outcome = match layer.after.filter(|name| summary::failed(&rows, name)) {
            Some(name) => {
                say::error(&format!("left out, because {name} failed"));
                Outcome::LeftOut(name)
            }
            None => Outcome::of((layer.run)(&mut bench)),
        };
        rows.push(Row::new(layer.name, outcome, since.elapsed()));
    }
    Ok(conclude(&rows))
}

/// The layers named with `--only`; none means all.
fn parse(mut arguments: lexopt::Parser) -> anyhow::Result<Vec<String>> {
    let mut only = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("only") => {
                let name = arguments.value()?.string()?;
                let known = LAYERS.map(|layer| layer.name);
                if name == "setup" {
                    bail!(
                        "setup is part of every layer; name one of: {}",
                        known.join(", ")
                    );
                }
                ensure!(
                    known.contains(&name.as_str()),
                    "there is no layer {name}; there are: {}",
                    known.join(", ")
                );
                only.push(name);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(only)
}

/// Prints the table and, as the last line of all, the totals.
fn conclude(rows: &[Row]) -> ExitCode {
    println!("\n{}\n{}", summary::table(rows), summary::totals(rows));
    if rows.iter().all(Row::is_good) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn heading(name: &str) {
    eprintln!("\n── {name} ──");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_chosen_by_name() {
        let parse = |arguments: &[&str]| parse(lexopt::Parser::from_args(arguments));
        assert_eq!(parse(&[]).ok(), Some(vec![]));
        assert_eq!(
            parse(&["--only", "unit", "--only=lint"]).ok(),
            Some(vec!["unit".to_owned(), "lint".to_owned()])
        );
        assert!(parse(&["--only", "units"]).is_err());
        assert!(parse(&["--only", "setup"]).is_err());
    }

    #[test]
    fn what_a_layer_needs_runs_before_it() {
        for (index, layer) in LAYERS.iter().enumerate() {
            if let Some(name) = layer.after {
                assert!(LAYERS[..index].iter().any(|before| before.name == name));
            }
        }
    }
}
