//! `cargo xtask test [--only NAME]`: runs all checks, in layers.
//!
//! If a layer fails, the others still run, so that one run shows all failures. Only
//! layers that depend on it are skipped. To add a layer, write a function in [`layers`]
//! and add it to [`LAYERS`].
//!
//! The frontend is built before the lints: the server embeds its files, and does not
//! compile without them in the feature selection that all layers share
//! ([`crate::server::TEST_SELECTION`]).
//!
//! [`fresh_machine`] runs only if selected, because it takes an hour.

mod contract;
mod fresh_machine;
mod layers;
mod setup;
mod summary;
mod vocabulary;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use crate::{
    apt::Apt,
    arguments::Arguments,
    failure::{Failure, Result},
    project::Project,
    terminal,
};
use summary::{Counts, Outcome, Row};

/// A group of checks.
struct Layer {
    name: &'static str,
    run: fn(&mut Bench) -> Result<Counts>,
    /// Layer that it depends on: it is skipped if that fails.
    after: Option<&'static str>,
    /// Whether it runs without `--only`.
    by_default: bool,
}

const LAYERS: [Layer; 11] = [
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
    Layer {
        by_default: false,
        ..layer(fresh_machine::NAME, fresh_machine::run, None)
    },
];

const fn layer(
    name: &'static str,
    run: fn(&mut Bench) -> Result<Counts>,
    after: Option<&'static str>,
) -> Layer {
    Layer {
        name,
        run,
        after,
        by_default: true,
    }
}

/// State shared by the layers.
struct Bench {
    project: Project,
    apt: Apt,
    found: setup::Setup,
    browser_files: bool,
    binary: Option<PathBuf>,
}

/// Runs the layers. The exit code is a success if all of them passed.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let only = parse(arguments)?;
    let selected: Vec<&Layer> = LAYERS
        .iter()
        .filter(|layer| {
            (only.is_empty() && layer.by_default) || only.iter().any(|name| name == layer.name)
        })
        .collect();
    let names: Vec<&str> = selected.iter().map(|layer| layer.name).collect();
    let project = Project::here();
    let apt = Apt::new(project.machine());

    heading("setup");
    let since = Instant::now();
    let (project, found) = match setup::prepare(project, &apt, &names) {
        Ok(found) => found,
        Err(error) => {
            terminal::error(&error.to_string());
            let row = Row::new("setup", Outcome::Failed(Counts::default()), since.elapsed());
            return Ok(conclude(&[row]));
        }
    };
    let mut rows = vec![Row::new("setup", Outcome::Ready, since.elapsed())];

    let mut bench = Bench {
        project,
        apt,
        found,
        browser_files: false,
        binary: None,
    };
    for layer in selected {
        heading(layer.name);
        let since = Instant::now();
        let outcome = match layer.after.filter(|name| summary::failed(&rows, name)) {
            Some(name) => {
                terminal::error(&format!("skipped, because {name} failed"));
                Outcome::Skipped(name)
            }
            None => Outcome::of((layer.run)(&mut bench)),
        };
        rows.push(Row::new(layer.name, outcome, since.elapsed()));
    }
    Ok(conclude(&rows))
}

/// Parses `--only`. Returns the selected layers; empty if there is no selection.
fn parse(mut arguments: Arguments) -> Result<Vec<String>> {
    let mut only = Vec::new();
    while let Some(word) = arguments.next()? {
        if word != "--only" {
            return Err(Arguments::unexpected(&word));
        }
        let name: String = arguments.parsed("--only", "the name of a layer")?;
        let known = LAYERS.map(|layer| layer.name);
        if !known.contains(&name.as_str()) {
            return Err(Failure::usage(format!(
                "Unknown layer {name:?}; expected one of {}",
                known.join(", ")
            )));
        }
        only.push(name);
    }
    Ok(only)
}

/// Prints the table, and the totals as the last line.
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
    fn layers_are_selected_by_name() {
        let parse = |words: &[&str]| parse(Arguments::new(words.iter().map(Into::into)));
        assert_eq!(parse(&[]).ok(), Some(vec![]));
        assert_eq!(
            parse(&["--only", "unit", "--only=lint"]).ok(),
            Some(vec!["unit".to_owned(), "lint".to_owned()])
        );
        assert!(parse(&["--only", "units"]).is_err());
        assert!(parse(&["--only", "setup"]).is_err());
    }

    #[test]
    fn dependencies_run_before_their_layers() {
        for (index, layer) in LAYERS.iter().enumerate() {
            if let Some(name) = layer.after {
                assert!(LAYERS[..index].iter().any(|before| before.name == name));
            }
        }
    }
}
