//! Parsing of one alert.

use super::{alert, around, read, reason};
use crate::alert::Status;
use crate::fingerprint::Fingerprint;
use crate::time::Timestamp;

#[test]
fn missing_and_null_fields_are_empty() {
    for bare in [
        r#"{"status":"firing"}"#,
        r#"{"status":"firing","labels":null,"annotations":null,"startsAt":null,"endsAt":null,
            "generatorURL":null,"fingerprint":null}"#,
        r#"{"status":"firing","labels":[],"annotations":[ ],"startsAt":"","endsAt":"",
            "generatorURL":"","fingerprint":""}"#,
    ] {
        let parsed = alert(bare);
        assert!(parsed.labels.is_empty() && parsed.annotations.is_empty());
        assert_eq!((parsed.starts_at, parsed.ends_at), (None, None));
        assert_eq!(parsed.generator_url, "");
        assert_eq!(parsed.fingerprint, Fingerprint(0xcbf2_9ce4_8422_2325));
        assert_eq!(parsed.fields.alertname, "(none)");
    }
}

#[test]
fn a_missing_status_defaults_to_the_bodys() {
    let status = |body: &str| read(body).alerts[0].status;
    let alert = r#""alerts":[{"labels":{"a":"b"},"endsAt":"2026-11-20T08:00:00Z"}]"#;
    assert_eq!(
        status(&format!(r#"{{{alert},"status":"resolved"}}"#)),
        Status::Resolved
    );
    assert_eq!(
        status(&format!(r#"{{{alert},"state":"ok"}}"#)),
        Status::Resolved
    );
    assert_eq!(
        status(&format!(r#"{{{alert},"state":"alerting"}}"#)),
        Status::Firing
    );
    // In doubt the alert is firing, regardless of its endsAt.
    assert_eq!(status(&format!("{{{alert}}}")), Status::Firing);
    assert_eq!(
        status(&format!(r#"{{{alert},"status":"no_data"}}"#)),
        Status::Firing
    );
}

#[test]
fn an_alerts_status_overrides_the_bodys() {
    let body = read(
        r#"{"status":"firing","alerts":[{"status":"resolved","labels":{"a":"1"}},
            {"status":"RESOLVED","labels":{"a":"2"}},{"status":null,"labels":{"a":"3"}}]}"#,
    );
    let statuses: Vec<Status> = body.alerts.iter().map(|parsed| parsed.status).collect();
    assert_eq!(
        statuses,
        [Status::Resolved, Status::Resolved, Status::Firing]
    );
}

#[test]
fn an_unknown_status_rejects_the_alert() {
    assert_eq!(
        reason(r#"{"status":"suppressed","labels":{"a":"b"}}"#),
        r#"status is "suppressed", neither "firing" nor "resolved""#
    );
    assert!(reason(r#"{"status":1,"labels":{"a":"b"}}"#).starts_with(r#"status is "1""#));
}

#[test]
fn an_alert_without_status_and_labels_is_rejected() {
    let body = read(r#"{"alerts":[{},{"labels":{"alertname":"X"}}]}"#);
    assert_eq!(body.rejected[0].reason, "has neither status nor labels");
    assert_eq!(body.alerts[0].fields.alertname, "X");
}

#[test]
fn an_alert_that_is_no_object_is_rejected() {
    assert_eq!(reason("null"), "is null, not an object");
    assert_eq!(reason("[]"), "is an array, not an object");
    assert_eq!(reason(r#""text""#), "is a string, not an object");
    assert_eq!(reason("-1"), "is a number, not an object");
    assert_eq!(reason("true"), "is a boolean, not an object");
}

#[test]
fn times_are_parsed_and_the_zero_time_is_none() {
    let parsed = alert(
        r#"{"status":"firing","startsAt":"2026-11-20T16:00:00.123456789\u002b08:00",
            "endsAt":"0001-01-01T00:00:00Z"}"#,
    );
    let expected = Timestamp::parse_rfc3339("2026-11-20T08:00:00.123456Z").ok();
    assert_eq!((parsed.starts_at, parsed.ends_at), (expected, None));
    let parsed = alert(r#"{"status":"firing","startsAt":"0001-01-01T08:05:43+08:05"}"#);
    assert_eq!(parsed.starts_at, None);
}

#[test]
fn a_firing_alert_keeps_its_end() {
    let parsed = alert(r#"{"status":"firing","endsAt":"2026-11-20T09:00:00Z"}"#);
    assert_eq!(
        parsed.ends_at,
        Timestamp::parse_rfc3339("2026-11-20T09:00:00Z").ok()
    );
}

#[test]
fn an_unreadable_time_rejects_the_alert() {
    assert_eq!(
        reason(r#"{"status":"firing","startsAt":"yesterday"}"#),
        r#"startsAt is "yesterday": not an RFC 3339 time such as 2026-01-31T23:59:59Z"#
    );
    assert!(reason(r#"{"status":"firing","endsAt":1763625600}"#).starts_with("endsAt is \"17636"));
    assert!(reason(r#"{"status":"firing","startsAt":{}}"#).starts_with("startsAt is \"{}\""));
}

#[test]
fn a_valid_fingerprint_is_kept_and_any_other_computed() {
    let fingerprint = |sent: &str| {
        let labels = r#""labels":{"alertname":"InstanceDown","instance":"node-1.example.com:9100",
            "job":"node","severity":"critical","team":"infra"}"#;
        let text = format!(r#"{{"status":"firing",{labels},"fingerprint":{sent}}}"#);
        alert(&text).fingerprint.to_string()
    };
    assert_eq!(fingerprint(r#""C0FFEE0123456789""#), "c0ffee0123456789");
    for sent in [
        r#""""#,
        r#""abc""#,
        r#""c0ffee01234567890""#,
        r#""+0ffee0123456789""#,
        "7",
        "{}",
    ] {
        assert_eq!(fingerprint(sent), "36fe1c274ed2eb87", "{sent}");
    }
}

#[test]
fn numbers_and_booleans_are_converted_to_strings() {
    let parsed = alert(
        r#"{"status":"firing","labels":{"alertname":"X","code":500,"big":12345678901234567890123,
            "ratio":1e21,"up":true,"gone":null,"empty":""},"annotations":{"n":-1,"gone":null,
            "tags":["a", {"b":1}]}}"#,
    );
    let labels: Vec<(&str, &str)> = parsed.labels.iter().map(|(n, v)| (&**n, &**v)).collect();
    assert_eq!(
        labels,
        [
            ("alertname", "X"),
            ("big", "12345678901234567890123"),
            ("code", "500"),
            ("empty", ""),
            ("ratio", "1e21"),
            ("up", "true"),
        ]
    );
    assert_eq!(parsed.annotations["n"], "-1");
    assert_eq!(parsed.annotations["tags"], r#"["a", {"b":1}]"#);
    assert!(!parsed.annotations.contains_key("gone"));
}

#[test]
fn a_label_that_is_an_object_rejects_the_alert() {
    assert_eq!(
        reason(r#"{"status":"firing","labels":{"alertname":"X","pod":{"name":"p"}}}"#),
        r#"label "pod" is an object, not a string"#
    );
    assert_eq!(
        reason(r#"{"status":"firing","labels":{"list\n":[1],"later":"x"}}"#),
        r#"label "list " is an array, not a string"#
    );
    assert_eq!(
        reason(r#"{"status":"firing","labels":"alertname=X"}"#),
        "`labels` is a string, not an object"
    );
    assert_eq!(
        reason(r#"{"status":"firing","labels":[1]}"#),
        "`labels` is an array, not an object"
    );
    assert_eq!(
        reason(r#"{"status":"firing","annotations":7}"#),
        "`annotations` is a number, not an object"
    );
}

#[test]
fn nul_becomes_the_replacement_character_everywhere() {
    let body = read(
        r#"{"receiver":"r\u0000","status":"firing","externalURL":"\u0000u","version":"4\u0000",
            "groupKey":"g\u0000k","groupLabels":{"a\u0000":"\u0000"},"alerts":[{"status":"firing",
            "labels":{"alertname":"A\u0000B","n\u0000":"v"},"annotations":{"\u0000":"x\u0000"},
            "generatorURL":"g\u0000"}]}"#,
    );
    let whole = format!("{body:?}");
    assert!(!whole.contains('\0') && !whole.contains("\\0"), "{whole}");
    assert_eq!(body.receiver, "r\u{fffd}");
    assert_eq!(body.alerts[0].fields.alertname, "A\u{fffd}B");
    assert_eq!(body.alerts[0].labels["n\u{fffd}"], "v");
    // An escaped backslash before the same letters is not a NUL.
    let parsed = alert(r#"{"status":"firing","labels":{"path":"C:\\u0000\u0000"}}"#);
    assert_eq!(parsed.labels["path"], "C:\\u0000\u{fffd}");
}

#[test]
fn lone_surrogates_become_the_replacement_character() {
    let parsed = alert(
        r#"{"status":"firing","labels":{"high":"\ud83d!","low":"\ude00","pair":"\ud83d\ude00",
            "twice":"\ud83d\ud83d\ude00","k\udfff":"v","cut":"\ud83d\\ude00"}}"#,
    );
    assert_eq!(parsed.labels["high"], "\u{fffd}!");
    assert_eq!(parsed.labels["low"], "\u{fffd}");
    assert_eq!(parsed.labels["pair"], "😀");
    assert_eq!(parsed.labels["twice"], "\u{fffd}😀");
    assert_eq!(parsed.labels["k\u{fffd}"], "v");
    assert_eq!(parsed.labels["cut"], "\u{fffd}\\ude00");
}

#[test]
fn hostile_strings_are_stored_unchanged() {
    let parsed = alert(
        r#"{"status":"firing","labels":{"__proto__":"<script>","alertname":"a\r\nBcc: x"},
            "annotations":{"summary":"\u202eevil 😀"},"generatorURL":"javascript:alert(1)"}"#,
    );
    assert_eq!(parsed.labels["__proto__"], "<script>");
    assert_eq!(parsed.fields.alertname, "a\r\nBcc: x");
    assert_eq!(parsed.fields.message, "\u{202e}evil 😀");
    assert_eq!(parsed.generator_url, "javascript:alert(1)");
}

#[test]
fn the_last_of_duplicate_keys_is_used() {
    let body = read(&around(
        r#"{"status":"resolved","status":"firing","labels":{"a":"1"},
            "labels":{"a":"1","a":"2","b":"x","b":null}}"#,
    ));
    let parsed = &body.alerts[0];
    assert_eq!(parsed.status, Status::Firing);
    assert_eq!(parsed.labels.len(), 1);
    assert_eq!(parsed.labels["a"], "2");
}
