//! Alertmanager's matchers, as far as the browser reads and writes them. What
//! they mean is the server's business.

/// The operators, the longer ones first, so that `=~` is not read as `=`.
const OPERATORS: [&str; 4] = ["=~", "!~", "!=", "="];

/// Writes a matcher as Alertmanager does, the value in quotes.
pub fn write_matcher(name: &str, operator: &str, value: &str) -> String {
    let mut out = format!("{name}{operator}\"");
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Splits a matcher into its name, operator and unquoted value; `None` where
/// the text is no matcher. Quotes may be left out, as people type.
pub fn split_matcher(text: &str) -> Option<(String, &'static str, String)> {
    let text = text.trim();
    let at = text.find(['=', '!'])?;
    let (name, rest) = text.split_at(at);
    let name = name.trim();
    let operator = OPERATORS.into_iter().find(|op| rest.starts_with(op))?;
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "{}\",".contains(c)) {
        return None;
    }
    let value = rest[operator.len()..].trim();
    Some((name.to_owned(), operator, unquote(value)?))
}

/// Whether a person seems to have typed a matcher rather than words.
pub fn looks_like_matcher(text: &str) -> bool {
    split_matcher(text).is_some()
}

/// The value without its quotes; `None` where the quotes are not in pairs.
fn unquote(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else {
        return (!value.contains('"')).then(|| value.to_owned());
    };
    let mut out = String::new();
    let mut rest = inner.chars();
    loop {
        match rest.next()? {
            '"' => return rest.as_str().is_empty().then_some(out),
            '\\' => match rest.next()? {
                'n' => out.push('\n'),
                c @ ('"' | '\\') => out.push(c),
                other => {
                    out.push('\\');
                    out.push(other);
                }
            },
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for value in ["api", "", "a \"b\" \\c", "第一\n行", "a.*|b"] {
            for operator in OPERATORS {
                let text = write_matcher("job", operator, value);
                assert_eq!(
                    split_matcher(&text),
                    Some(("job".to_owned(), operator, value.to_owned())),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn reads_what_people_type() {
        assert_eq!(
            split_matcher(" team = infra "),
            Some(("team".to_owned(), "=", "infra".to_owned()))
        );
        assert_eq!(
            split_matcher("job=~api.*"),
            Some(("job".to_owned(), "=~", "api.*".to_owned()))
        );
        assert_eq!(
            split_matcher(r#"path="C:\dir""#),
            Some(("path".to_owned(), "=", r"C:\dir".to_owned()))
        );
    }

    #[test]
    fn words_are_not_matchers() {
        for text in ["disk full", "", "=x", "a b=c", "x=\"open", "!important"] {
            assert!(!looks_like_matcher(text), "{text}");
        }
    }
}
