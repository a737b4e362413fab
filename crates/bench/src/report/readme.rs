//! Writes the tables into the READMEs, between two comments.

use std::{fs, path::Path};

use anyhow::Context as _;

const BEGIN: &str = "<!-- bench -->";
const END: &str = "<!-- /bench -->";

/// Replaces the text between the markers in both READMEs.
pub(super) fn write(project: &Path, tables: &str) -> anyhow::Result<()> {
    for name in ["README.md", "README.zh-CN.md"] {
        let file = project.join(name);
        let text = fs::read_to_string(&file)?;
        let text =
            replaced(&text, tables).with_context(|| format!("{name} has no {BEGIN} … {END}"))?;
        fs::write(&file, text)?;
    }
    Ok(())
}

fn replaced(text: &str, tables: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!(
        "{before}{BEGIN}\n\n{}\n\n{END}{after}",
        tables.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_between_the_markers_changes() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let once = replaced(&text, "new\n").unwrap();
        assert_eq!(once, format!("a\n{BEGIN}\n\nnew\n\n{END}\nb\n"));
        assert_eq!(replaced(&once, "new\n").unwrap(), once);
        assert_eq!(replaced("no markers", "new"), None);
    }
}
