//! Fills the page template. See `main.rs` for its format.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};

/// The tag that the server replaces for a path prefix.
pub(crate) const BASE: &str = r#"<base href="/">"#;

/// Replaces the placeholders by the URLs of the files.
pub(crate) fn fill(template: &str, files: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let template = without_leading_comments(template);
    if !template.contains(BASE) {
        bail!("the template has no {BASE}, which the server replaces for a path prefix");
    }
    let mut page = String::with_capacity(template.len() + 256);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after
            .split_once("}}")
            .context("the template has an unclosed {{")?;
        let name = name.trim();
        let Some(url) = files.get(name) else {
            let names: Vec<_> = files.keys().map(String::as_str).collect();
            bail!(
                "unknown placeholder {{{{{name}}}}} in the template, expected one of: {}",
                names.join(", ")
            );
        };
        page.push_str(before);
        page.push_str(url);
        rest = after;
    }
    page.push_str(rest);
    Ok(page)
}

/// Removes the comments before the doctype, which are for developers.
fn without_leading_comments(template: &str) -> &str {
    let mut rest = template.trim_start();
    while let Some((_, after)) = rest
        .strip_prefix("<!--")
        .and_then(|comment| comment.split_once("-->"))
    {
        rest = after.trim_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> BTreeMap<String, String> {
        BTreeMap::from([
            ("app.js".to_owned(), "app-1.js".to_owned()),
            ("style.css".to_owned(), "style-2.css".to_owned()),
        ])
    }

    #[test]
    fn placeholders_are_replaced_by_urls() {
        let page = fill(
            "<!-- write {{NAME}} here -->\n<!doctype html><base href=\"/\">\
             <link href=\"{{style.css}}\"><script src=\"{{ app.js }}\"></script>",
            &files(),
        );
        assert_eq!(
            page.ok().as_deref(),
            Some(
                "<!doctype html><base href=\"/\">\
                 <link href=\"style-2.css\"><script src=\"app-1.js\"></script>"
            )
        );
    }

    #[test]
    fn unknown_placeholder_is_an_error_with_the_file_names() {
        let error = fill("<base href=\"/\">{{styles.css}}", &files())
            .expect_err("no such file")
            .to_string();
        assert!(error.contains("{{styles.css}}"), "{error}");
        assert!(error.contains("app.js, style.css"), "{error}");
    }

    #[test]
    fn template_without_base_is_an_error() {
        assert!(fill("<!doctype html>{{app.js}}", &files()).is_err());
        assert!(fill("<base href=\"/\">{{app.js", &files()).is_err());
    }
}
