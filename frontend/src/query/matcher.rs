//! Alertmanager matchers, as far as the browser parses and writes them. The server
//! evaluates them.

/// Longer operators first, so that `=~` is not read as `=`.
const OPERATORS: [&str; 4] = ["=~", "!~", "!=", "="];

/// Writes a matcher in Alertmanager's syntax, with a quoted value.
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

/// Splits a matcher into name, operator and unquoted value. Quotes are optional. `None`
/// if the text is not a matcher.
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

/// Whether a typed text is a matcher rather than search text.
pub fn looks_like_matcher(text: &str) -> bool {
    split_matcher(text).is_some()
}

/// Removes the quotes; `None` if they are unbalanced.
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
    fn matchers_round_trip() {
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
    fn quotes_and_spaces_are_optional() {
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
    fn search_text_is_not_a_matcher() {
        for text in ["disk full", "", "=x", "a b=c", "x=\"open", "!important"] {
            assert!(!looks_like_matcher(text), "{text}");
        }
    }
}
