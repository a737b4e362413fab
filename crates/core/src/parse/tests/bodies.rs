//! Fields of the body, and rejected bodies.

use super::{alertmanager, around, read};
use crate::alert::Status;
use crate::parse::{MAX_ALERTS, ParseError};

fn rejected(body: &[u8]) -> ParseError {
    alertmanager(body, "team").unwrap_err()
}

#[test]
fn fields_of_other_versions_are_converted_to_strings() {
    let body = read(
        r#"{"version":3,"groupKey":15615590933959184469,"receiver":null,"externalURL":false,
            "truncatedAlerts":"12","status":"resolved","groupLabels":{"code":5,"gone":null},
            "alerts":[]}"#,
    );
    assert_eq!(body.version, "3");
    assert_eq!(body.group_key, "15615590933959184469");
    assert_eq!(body.receiver, "");
    assert_eq!(body.external_url, "false");
    assert_eq!(body.truncated_alerts, 12);
    assert_eq!(body.status, Some(Status::Resolved));
    assert_eq!(body.group_labels.len(), 1);
    assert_eq!(body.group_labels["code"], "5");
}

#[test]
fn any_form_of_truncated_alerts_is_parsed() {
    for (sent, expected) in [
        ("7", 7),
        ("7.0", 7),
        ("1e3", 1000),
        ("\"7\"", 7),
        ("-1", 0),
        ("1e999", u64::MAX),
        ("null", 0),
        ("\"many\"", 0),
        ("{}", 0),
    ] {
        let body = read(&format!(r#"{{"alerts":[],"truncatedAlerts":{sent}}}"#));
        assert_eq!(body.truncated_alerts, expected, "{sent}");
    }
}

#[test]
fn only_alerts_is_required() {
    for body in [
        r#"{"alerts":[]}"#,
        r#"{"alerts":null}"#,
        "\u{feff} {\"alerts\" : [ ] }\n",
    ] {
        let body = read(body);
        assert_eq!((body.total, body.alerts.len()), (0, 0));
        assert_eq!((body.status, &*body.group_key), (None, ""));
    }
    let odd = r#"{"alerts":[],"groupLabels":"x","status":5,"commonLabels":7,"alerts":[]}"#;
    assert!(read(odd).group_labels.is_empty());
}

#[test]
fn grafanas_state_is_used_without_a_status() {
    let status = |fields: &str| read(&format!(r#"{{"alerts":[],{fields}}}"#)).status;
    assert_eq!(status(r#""state":"alerting""#), Some(Status::Firing));
    assert_eq!(status(r#""state":"ok""#), Some(Status::Resolved));
    assert_eq!(status(r#""state":"pending""#), None);
    assert_eq!(
        status(r#""state":"ok","status":"firing""#),
        Some(Status::Firing)
    );
}

#[test]
fn unknown_fields_are_ignored_at_any_depth() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let alert = format!(r#"{{"status":"firing","labels":{{"a":"b"}},"values":{deep}}}"#);
    let body = format!(r#"{{"x":{deep},"alerts":[{alert}],"groupKey":1}}"#);
    assert_eq!(read(&body).alerts.len(), 1);
    // Also in labels and annotations, which are parsed.
    let alert = format!(r#"{{"status":"firing","labels":{{"a":{deep}}}}}"#);
    assert_eq!(read(&around(&alert)).rejected.len(), 1);
    let alert = format!(r#"{{"status":"firing","annotations":{{"a":{deep}}}}}"#);
    let kept = &read(&around(&alert)).alerts[0].annotations["a"];
    assert!(deep.starts_with(&kept[..60_000]));
    assert!(kept.ends_with("… [cut, 400000 bytes]"));
}

#[test]
fn an_empty_body_is_rejected() {
    for body in ["", " \r\n", "\u{feff}"] {
        assert_eq!(rejected(body.as_bytes()), ParseError::Empty);
    }
}

#[test]
fn invalid_utf8_is_rejected() {
    assert_eq!(
        rejected(b"{\"alerts\":\"\xff\"}").to_string(),
        "the body is not UTF-8 (first bad byte at offset 11)"
    );
}

#[test]
fn invalid_json_is_rejected_with_its_position() {
    let error = rejected(b"{\n  \"alerts\": [\n    {\"status\": pending}\n  ]\n}");
    assert_eq!(error.kind(), "not-json");
    assert_eq!(
        error.to_string(),
        "the body is not JSON: expected value at line 3, column 16: {\"status\": pending}"
    );
    for text in [
        "{",
        "alertname=x",
        "{'alerts':[]}",
        r#"{"alerts":[]} x"#,
        "[1,",
        "\"\\ud800",
        "NaN",
    ] {
        assert_eq!(rejected(text.as_bytes()).kind(), "not-json", "{text}");
    }
}

#[test]
fn an_error_quotes_at_most_eighty_characters() {
    let text = format!(r#"{{"{}":x,"{}":1}}"#, "中".repeat(500), "文".repeat(500));
    let ParseError::NotJson { excerpt, .. } = rejected(text.as_bytes()) else {
        panic!("it is not JSON");
    };
    assert_eq!(excerpt.chars().count(), 80);
    assert!(excerpt.contains(":x,"), "{excerpt}");
}

#[test]
fn a_body_that_is_no_object_is_rejected() {
    for (text, found) in [("null", "null"), ("7", "a number"), ("\"x\"", "a string")] {
        let error = rejected(text.as_bytes());
        assert_eq!(error.kind(), "not-an-object");
        assert_eq!(
            error.to_string(),
            format!("the body is {found}, not an object")
        );
    }
    let error = rejected(br#"[{"labels":{"alertname":"X"}}]"#);
    assert_eq!(error, ParseError::BareArray);
    assert!(error.to_string().contains("/api/v2/alerts"));
    // The fields of a body in order, which serde would accept.
    let error = rejected(br#"["receiver","firing","",[{"status":"firing"}]]"#);
    assert_eq!(error, ParseError::BareArray);
}

#[test]
fn a_body_without_alerts_is_rejected() {
    assert_eq!(rejected(b"{}"), ParseError::NoAlerts);
    assert_eq!(
        rejected(br#"{"evalMatches":[],"ruleId":7,"state":"alerting"}"#),
        ParseError::LegacyGrafana
    );
    assert_eq!(
        rejected(br#"{"alerts":{"a":1}}"#).to_string(),
        "`alerts` is an object, not an array"
    );
}

#[test]
fn the_number_of_alerts_is_limited() {
    let body = |n: usize| around(&vec![r#"{"status":"firing"}"#; n].join(","));
    assert_eq!(read(&body(MAX_ALERTS)).alerts.len(), MAX_ALERTS);
    assert_eq!(
        rejected(body(MAX_ALERTS + 1).as_bytes()),
        ParseError::TooManyAlerts { limit: MAX_ALERTS }
    );
}
