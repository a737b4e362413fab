//! Parsing, errors and matching.

use proptest::prelude::*;

use super::*;

/// The canonical form of a matcher.
fn canonical(text: &str) -> String {
    parse(text).unwrap().to_string()
}

fn list(text: &str) -> String {
    display_list(&parse_list(text).unwrap())
}

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

fn labels(labels: &[(&str, &str)]) -> Labels {
    let owned = labels
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    owned.collect()
}

#[test]
fn all_forms_of_a_matcher_are_parsed() {
    for (text, expected) in [
        (r#"job="api""#, r#"job="api""#),
        (" job != api ", r#"job!="api""#),
        ("job=~api|web", r#"job=~"api|web""#),
        ("job!~\"a{1,2}\"", r#"job!~"a{1,2}""#),
        ("job=~a{1,2}", r#"job=~"a{1,2}""#),
        ("job=", r#"job="""#),
        ("job=\"\"", r#"job="""#),
        ("job=two words", r#"job="two words""#),
        ("job=a=b", r#"job="a=b""#),
        ("ns:job_1=x", r#"ns:job_1="x""#),
        (r#""my label"="x""#, r#""my label"="x""#),
        (r#""team"=x"#, r#"team="x""#),
        ("主机=甲", r#""主机"="甲""#),
        ("k8s.io/name=x", r#""k8s.io/name"="x""#),
        (r#"1st="x""#, r#""1st"="x""#),
        // As pasted from elsewhere.
        (r#" {"cloud.account"="a"} "#, r#""cloud.account"="a""#),
    ] {
        assert_eq!(canonical(text), expected, "{text}");
    }
}

#[test]
fn escapes_equal_alertmanagers() {
    let value = |text: &str| parse(text).unwrap().value().to_owned();
    assert_eq!(value(r#"a="\"\\\n""#), "\"\\\n");
    assert_eq!(value(r#"a="x\"y""#), "x\"y");
    // Any other backslash is literal, so that expressions work as written.
    assert_eq!(value(r#"a=~"\d+\.\w""#), r"\d+\.\w");
    assert_eq!(value(r#"a="x\ty""#), "x\ty");
    assert_eq!(value(r"a=\"), "\\");
    assert_eq!(value("a=\"l1\nl2\""), "l1\nl2");
    assert_eq!(canonical("a=\"l1\nl2\""), r#"a="l1\nl2""#);
}

#[test]
fn lists_are_parsed_with_and_without_braces() {
    for (text, expected) in [
        ("", "{}"),
        (" { } ", "{}"),
        (r#"{a="b",c=~"d"}"#, r#"{a="b",c=~"d"}"#),
        (r#"a="b", c!=d ,"#, r#"{a="b",c!="d"}"#),
        (r#"{ a = "x,y}" , b=z }"#, r#"{a="x,y}",b="z"}"#),
        ("{a=b}", r#"{a="b"}"#),
        ("{a=~b{2}}", r#"{a=~"b{2}"}"#),
        (r#"{"{}"="1"}"#, r#"{"{}"="1"}"#),
    ] {
        assert_eq!(list(text), expected, "{text}");
    }
}

#[test]
fn errors_name_position_and_expected_input() {
    for (text, expected) in [
        ("", "at character 1: expected a label name"),
        ("=x", "at character 1: expected a label name"),
        ("{job=x", "at character 7: expected `}`"),
        (
            "{a=b,c=d}",
            "at character 1: expected one matcher inside the braces",
        ),
        (
            "job",
            "at character 4: expected one of `=`, `!=`, `=~`, `!~`",
        ),
        (
            "告警 ~x",
            "at character 4: expected one of `=`, `!=`, `=~`, `!~`",
        ),
        (
            "job==x",
            "at character 5: expected a value (quote a value that begins with `=` or `~`)",
        ),
        (
            "job='x'",
            "at character 5: expected a value in double quotes",
        ),
        ("job=\"x", "at character 7: expected a closing `\"`"),
        (r#"job="x\""#, "at character 9: expected a closing `\"`"),
        ("job=\"x\" y", "at character 9: expected the end"),
        (
            "job=x\"y",
            "at character 6: expected no `\"` inside an unquoted value",
        ),
        (
            r#"""="x""#,
            "at character 1: expected a non-empty label name",
        ),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
    for (text, expected) in [
        ("{a=b", "at character 5: expected `}`"),
        ("a=\"b\" c=\"d\"", "at character 7: expected `,` or the end"),
        ("a=b,,c=d", "at character 5: expected a label name"),
        ("{a=\"b}", "at character 6: expected a closing `\"`"),
    ] {
        assert_eq!(
            parse_list(text).unwrap_err().to_string(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn invalid_expressions_are_rejected() {
    assert_eq!(error("a=~("), "not a regular expression: unclosed group");
    // Inside the anchoring parentheses it would be valid, and half of it not anchored.
    assert_eq!(
        error("a=~x)|(?:y"),
        "not a regular expression: unopened group"
    );
    assert_eq!(
        parse(r"a=~\w{1000}{1000}"),
        Err(MatcherError::RegexTooLarge)
    );
    let long = "x".repeat(MAX_LENGTH);
    assert_eq!(
        parse(&format!("a={long}")),
        Err(MatcherError::TooLong { limit: MAX_LENGTH })
    );
    let many = "a=b,".repeat(MAX_MATCHERS + 1);
    assert_eq!(
        parse_list(&many),
        Err(MatcherError::TooMany {
            limit: MAX_MATCHERS
        })
    );
    assert_eq!(parse_list(&many[4..]).unwrap().len(), MAX_MATCHERS);
}

#[test]
fn a_list_of_matchers_has_common_limits() {
    let letters = |n: usize| format!(r#"a{n}=~"\\pL{{5}}x{n}""#);
    let few: Vec<String> = (0..2).map(letters).collect();
    assert_eq!(parse_all(&few).unwrap().len(), 2);
    let many: Vec<String> = (0..20).map(letters).collect();
    let invalid = parse_all(&many).unwrap_err();
    assert_eq!(invalid.len(), 1, "the rest is not compiled: {invalid:?}");
    assert_eq!(invalid[0].error, MatcherError::RegexesTooLarge);
    assert_eq!(
        parse_list(&many.join(",")),
        Err(MatcherError::RegexesTooLarge)
    );
    let mut plain = vec!["a=b"; MAX_MATCHERS];
    assert_eq!(parse_all(&plain).unwrap().len(), MAX_MATCHERS);
    plain.push("a=b");
    let invalid = parse_all(&plain).unwrap_err();
    let error = MatcherError::TooMany {
        limit: MAX_MATCHERS,
    };
    let index = MAX_MATCHERS;
    assert_eq!(invalid, [InvalidMatcher { index, error }]);
    let wrong = parse_all(&["a=b", "=", "c=~("]).unwrap_err();
    let places: Vec<usize> = wrong.iter().map(|one| one.index).collect();
    assert_eq!(places, [1, 2], "each invalid matcher is named");
}

#[test]
fn values_are_compared_whole() {
    let set = labels(&[("job", "api-server"), ("empty", "")]);
    for (text, expected) in [
        ("job=api-server", true),
        ("job=api", false),
        ("job!=api", true),
        ("job=~api", false),
        ("job=~api.*", true),
        ("job=~api|api-server", true),
        ("job=~API-SERVER", false),
        ("job=~(?i)API-SERVER", true),
        ("job!~api.*", false),
        ("job!~api", true),
    ] {
        assert_eq!(parse(text).unwrap().matches(&set), expected, "{text}");
    }
}

#[test]
fn a_missing_label_equals_an_empty_one() {
    let sets = [labels(&[]), labels(&[("job", "")])];
    for (text, expected) in [
        ("job=", true),
        ("job!=", false),
        ("job=x", false),
        ("job!=x", true),
        ("job=~.*", true),
        ("job=~.+", false),
        ("job!~.+", true),
        ("job!~|x", false),
    ] {
        let matcher = parse(text).unwrap();
        assert_eq!(matcher.matches_empty(), expected, "{text}");
        for set in &sets {
            assert_eq!(matcher.matches(set), expected, "{text}");
        }
    }
}

fn matchers() -> impl Strategy<Value = Matcher> {
    let equal = (
        ".{1,8}",
        prop::sample::select(&[Op::Equal, Op::NotEqual][..]),
        ".{0,8}",
    );
    let regex = (
        "[a-z\"\\\\中 ]{1,8}",
        prop::sample::select(&[Op::Match, Op::NotMatch][..]),
        prop::sample::select(&["", ".*", "a|b", r"\d+\n", "\"x\"", "[^,{}]{2,3}", "\n"][..])
            .prop_map(str::to_owned),
    );
    prop_oneof![equal, regex].prop_map(|(name, op, value)| Matcher::new(name, op, value).unwrap())
}

proptest! {
    #[test]
    fn a_matcher_round_trips(matcher in matchers()) {
        prop_assert_eq!(parse(&matcher.to_string()), Ok(matcher));
    }

    #[test]
    fn a_list_round_trips(list in prop::collection::vec(matchers(), 0..5)) {
        let shown = display_list(&list);
        prop_assert_eq!(parse_list(&shown), Ok(list.clone()));
        prop_assert_eq!(parse_list(&shown[1..shown.len() - 1]), Ok(list));
    }

    #[test]
    fn parsing_never_panics(text in "[a-c=!~{},\"\\\\'` \n中]{0,20}") {
        if let Ok(matcher) = parse(&text) {
            prop_assert_eq!(parse(&matcher.to_string()), Ok(matcher));
        }
        if let Ok(list) = parse_list(&text) {
            prop_assert_eq!(parse_list(&display_list(&list)), Ok(list));
        }
    }

    #[test]
    fn a_matcher_and_its_opposite_never_agree(value in ".{0,8}", other in ".{0,8}") {
        let matcher = |op| Matcher::new("a".into(), op, regex_syntax::escape(&value)).unwrap();
        prop_assert!(matcher(Op::Match).matches_value(&value) || value.contains('\n'));
        prop_assert_ne!(
            matcher(Op::Match).matches_value(&other),
            matcher(Op::NotMatch).matches_value(&other)
        );
    }
}
