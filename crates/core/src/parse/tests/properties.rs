//! Whatever arrives, the parser answers, and both of its readings say the same.

use proptest::prelude::*;

use super::{alertmanager, around};
use crate::alert::Labels;
use crate::parse::sanitize;

const CAPTURED: &[u8] = include_bytes!(
    "../../../../../tests/fixtures/payloads/alertmanager-0.25-truncated-1-firing.json"
);

/// Things that stand where something else should.
const ODD: &[&str] = &[
    "null", "true", "-1e999", "[]", "{}", "\"\"", "\\u0000", "\\ud800", "\\", "\"", ",", ":", "}",
    "]", "{\"a\":", "[[[[", "\u{feff}", "\u{0}", "é",
];

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::btree_map("[a-c\u{0}\"\\\\中]{0,3}", any::<String>(), 0..5)
}

proptest! {
    #[test]
    fn any_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = alertmanager(&body, "team");
    }

    #[test]
    fn any_text_is_answered(body in "[\\[\\]{}\":,\\\\u0d8a-z 1.-]{0,80}") {
        let _ = alertmanager(body.as_bytes(), "team");
        let _ = alertmanager(around(&body).as_bytes(), "team");
    }

    #[test]
    fn a_mutated_body_is_answered(
        at in 0..CAPTURED.len(),
        cut in 0..40usize,
        odd in prop::sample::select(ODD),
    ) {
        let mut body = CAPTURED.to_vec();
        let end = (at + cut).min(body.len());
        body.splice(at..end, odd.bytes());
        if let Ok(body) = alertmanager(&body, "team") {
            prop_assert_eq!(body.total, body.alerts.len() + body.rejected.len());
        }
    }

    #[test]
    fn every_beginning_of_a_body_is_refused(length in 0..CAPTURED.len() - 2) {
        prop_assert!(alertmanager(&CAPTURED[..length], "team").is_err());
    }

    #[test]
    fn mending_leaves_json_that_can_be_read(text in "([a-z中]|\\\\u00[0-4]0|\\\\ud[89cdef]0[0a]|\\\\\\\\|\\\\n){0,12}") {
        let json = format!("\"{text}\"");
        let mended = sanitize::sanitize(&json);
        prop_assert_eq!(mended.len(), json.len());
        let read: String = serde_json::from_str(&mended).unwrap();
        prop_assert!(!read.contains('\0'));
        // What serde_json could read before, and held no NUL, reads the same.
        if let Ok(before) = serde_json::from_str::<String>(&json) {
            prop_assert_eq!(read, before.replace('\0', "\u{fffd}"));
        }
    }

    #[test]
    fn both_readings_say_the_same(labels in labels(), annotations in labels()) {
        let alert = serde_json::json!({
            "status": "firing", "labels": labels, "annotations": annotations,
            "startsAt": "2026-11-20T08:00:00Z", "generatorURL": "http://x/\u{0}", "values": null,
        });
        let strict = around(&alert.to_string());
        // An integer groupKey is what version "3" sends; it needs the second reading.
        let tolerant = strict.replacen("\"version\":", "\"groupKey\":3,\"version\":", 1);
        // An odd annotation makes the alert itself need it.
        let odd = strict.replacen("\"values\":null", "\"values\":null,\"fingerprint\":null", 1);
        let read = |text: &str| alertmanager(text.as_bytes(), "team").unwrap();
        let alerts = read(&strict).alerts;
        prop_assert_eq!(&read(&tolerant).alerts, &alerts);
        prop_assert_eq!(&read(&odd).alerts, &alerts);
    }
}
