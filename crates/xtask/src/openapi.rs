//! `cargo xtask openapi`: the API's description, as the server itself prints it,
//! in `openapi/openapi.json`. Committed, so that a change of the API shows in
//! review, and compared by the tests.

use std::{fs, path::Path};

use crate::{
    apt::Apt,
    arguments::Arguments,
    failure::{Failure, FileContext as _, Result},
    frontend,
    project::Project,
    server, terminal,
};

const FILE: &str = "openapi/openapi.json";

/// `cargo xtask openapi [--check]`.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let only_compare = arguments.flag("--check")?;
    let project = Project::here();
    frontend::build(&project, &Apt::new(project.machine()), true)?;
    let binary = server::build_for_tests(&project)?;
    if only_compare {
        check(&project, &binary)
    } else {
        write(&project, &binary)
    }
}

/// Fails when the committed description is not the server's.
pub(crate) fn check(project: &Project, binary: &Path) -> Result<()> {
    let described = describe(project, binary)?;
    let path = project.join(FILE);
    let committed = fs::read_to_string(&path).file("read", &path)?;
    if committed == described {
        return Ok(());
    }
    Err(Failure::new(
        format!("accept {FILE}"),
        format!(
            "It is not what the server describes{}",
            first_difference(&committed, &described)
        ),
        "Run `cargo xtask openapi` and commit the file",
    ))
}

fn write(project: &Project, binary: &Path) -> Result<()> {
    let path = project.join(FILE);
    fs::write(&path, describe(project, binary)?).file("write", &path)?;
    terminal::note(&format!("wrote {FILE}"));
    Ok(())
}

/// What `tocsin openapi` prints, with one newline at its end.
fn describe(project: &Project, binary: &Path) -> Result<String> {
    let machine = project.machine();
    let printed = machine.output(machine.command(binary).arg("openapi"));
    let printed = printed.map_err(|failed| {
        Failure::new(
            "print the API's description",
            failed.to_string(),
            "Correct the server and try again",
        )
    })?;
    Ok(format!("{}\n", printed.trim_end()))
}

fn first_difference(committed: &str, described: &str) -> String {
    committed
        .lines()
        .zip(described.lines())
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
