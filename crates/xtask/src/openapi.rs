//! `cargo xtask openapi`: the API's description, as the server itself tells it,
//! in `openapi/openapi.json`. Committed, so that a change of the API shows in
//! review, and compared by the tests.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};

use crate::{frontend, process, project::Project, say, server};

const FILE: &str = "openapi/openapi.json";

/// `cargo xtask openapi [--check]`.
pub(crate) fn run(mut arguments: lexopt::Parser) -> anyhow::Result<()> {
    let mut only_compare = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("check") => only_compare = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let project = Project::here();
    frontend::build(&project, true)?;
    let binary = server::build_for_tests(&project)?;
    if only_compare {
        check(&project, &binary)
    } else {
        write(&project, &binary)
    }
}

/// Fails when the committed description is not the server's.
pub(crate) fn check(project: &Project, binary: &Path) -> anyhow::Result<()> {
    let told = tell(binary)?;
    let path = project.join(FILE);
    let committed =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        committed == told,
        "{FILE} is not what the server describes{}; run `cargo xtask openapi` and commit it",
        first_difference(&committed, &told)
    );
    Ok(())
}

fn write(project: &Project, binary: &Path) -> anyhow::Result<()> {
    let path = project.join(FILE);
    fs::write(&path, tell(binary)?).with_context(|| format!("cannot write {}", path.display()))?;
    say::note(&format!("wrote {FILE}"));
    Ok(())
}

/// What `tocsin openapi` says, with one newline at its end.
fn tell(binary: &Path) -> anyhow::Result<String> {
    let told = process::output(Command::new(binary).arg("openapi"))?;
    Ok(format!("{}\n", told.trim_end()))
}

fn first_difference(committed: &str, told: &str) -> String {
    committed
        .lines()
        .zip(told.lines())
        .zip(1..)
        .find(|((old, new), _)| old != new)
        .map_or_else(String::new, |((old, new), line)| {
            format!(" (line {line}: {} → {})", old.trim(), new.trim())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_shown_with_its_line() {
        let text = first_difference("{\n  \"a\": 1\n}\n", "{\n  \"a\": 2\n}\n");
        assert_eq!(text, " (line 2: \"a\": 1 → \"a\": 2)");
        assert_eq!(first_difference("{}\n", "{}\n"), "");
    }
}
