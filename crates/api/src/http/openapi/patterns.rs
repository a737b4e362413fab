//! Regular expressions for parameters with a grammar.

/// White space as defined by Unicode, for a character class.
pub(super) const SPACE: &str =
    r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// A search with at most [`tocsin_core::search::MAX_WORDS`] words.
pub(super) fn words() -> String {
    let most = tocsin_core::search::MAX_WORDS - 1;
    format!("^[{SPACE}]*([^{SPACE}]+[{SPACE}]+){{0,{most}}}[^{SPACE}]*$")
}

/// Common matchers. A regular expression cannot describe all valid regular expressions,
/// so the pattern excludes counts, nested groups, a group next to an alternative, and
/// classes that take much memory (`\w`). It limits no lengths itself: counts would make
/// the compiled pattern large.
pub(super) fn matcher() -> String {
    let space = format!("[{SPACE}]*");
    let name = format!(r#"[^{SPACE}{{}}!=~,\\"'`]+"#);
    let quoted = r#""([^"\\]|\\["\\n])*""#;
    let bare = format!(r#"([^{SPACE}"\\=~'`][^"\\]*)?"#);
    let letter = r#"[^"\\.*+?()\[\]{}|^$\n]"#;
    let escaped = r"\\\\?[.*+?()|\[\]{}^$]|\\[ds]";
    let class = r"\[\^?(a-z|A-Z|0-9|[A-Za-z0-9_./: ])+-?\]";
    let often = r"([*+?]\??)?";
    let atoms = format!(r"(({letter}|\.|{escaped}|{class}){often})*");
    let either = format!(r"{atoms}(\|{atoms})*");
    let group = format!(r"\((\?:)?{either}\){often}");
    let expression = format!(r#""({either}|{atoms}{group}{atoms})""#);
    format!("^{space}{name}{space}(!?={space}({quoted}|{bare})|[=!]~{space}{expression}){space}$")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tocsin_core::matcher::MatcherError;

    use serde_json::Value;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn described_matchers_parse(text in proptest::string::string_regex(&unanchored(&matcher())).unwrap()) {
            // Generated matchers may exceed the limits.
            let fits = match tocsin_core::matcher::parse(&text) {
                Ok(_) | Err(MatcherError::TooLong { .. } | MatcherError::RegexTooLarge) => true,
                Err(_) => false,
            };
            prop_assert!(fits, "{text:?}");
        }

        #[test]
        fn described_searches_parse(text in proptest::string::string_regex(&unanchored(&words())).unwrap()) {
            prop_assume!(text.chars().count() <= tocsin_core::search::MAX_LENGTH);
            prop_assert!(tocsin_core::search::words(&text).is_ok(), "{text:?}");
        }
    }

    fn unanchored(pattern: &str) -> String {
        pattern
            .trim_start_matches('^')
            .trim_end_matches('$')
            .to_owned()
    }

    #[test]
    fn patterns_compile_within_the_usual_size_limit() {
        let mut patterns = Vec::new();
        collect_patterns(crate::http::description(), &mut patterns);
        assert!(patterns.len() > 10);
        for pattern in patterns {
            let compiled = regex::RegexBuilder::new(pattern)
                .size_limit(1 << 20)
                .build();
            assert!(compiled.is_ok(), "{pattern}: {compiled:?}");
        }
    }

    fn collect_patterns<'a>(value: &'a Value, patterns: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                patterns.extend(object.get("pattern").and_then(Value::as_str));
                object
                    .values()
                    .for_each(|value| collect_patterns(value, patterns));
            }
            Value::Array(list) => list
                .iter()
                .for_each(|value| collect_patterns(value, patterns)),
            _ => {}
        }
    }

    #[test]
    fn usual_matchers_match_the_pattern() {
        let pattern = regex::Regex::new(&matcher()).unwrap();
        for usual in [
            r#"severity="critical""#,
            r#"severity=~"critical|warning""#,
            r#"job=~"api.*""#,
            r#"instance!~"db-[0-9]+\.example\.com:9100""#,
            r#" 服务 != "支付" "#,
            r#"path=~"/(a|b)?/[^/]+""#,
            r#"job=~".*(api|web).*""#,
            "team=infra",
            "team=",
        ] {
            assert!(pattern.is_match(usual), "{usual}");
            assert!(tocsin_core::matcher::parse(usual).is_ok(), "{usual}");
        }
    }
}
