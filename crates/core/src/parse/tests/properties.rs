//! The parser never panics, and its fast and its tolerant path agree.

use proptest::prelude::*;

use super::{alertmanager, around};
use crate::alert::Labels;
use crate::parse::sanitize;

const CAPTURED: &[u8] = include_bytes!(
    "../../../../../tests/fixtures/payloads/alertmanager-0.25-truncated-1-firing.json"
);

/// Values in unexpected places.
const ODD: &[&str] = &[
    "null", "true", "-1e999", "[]", "{}", "\"\"", "\\u0000", "\\ud800", "\\", "\"", ",", ":", "}",
    "]", "{\"a\":", "[[[[", "\u{feff}", "\u{0}", "é",
];

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::btree_map("[a-c\u{0}\"\\\\中]{0,3}", any::<String>(), 0..5)
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = alertmanager(&body, "team");
    }

    #[test]
    fn arbitrary_strings_never_panic(body in "[\\[\\]{}\":,\\\\u0d8a-z 1.-]{0,80}") {
        let _ = alertmanager(body.as_bytes(), "team");
        let _ = alertmanager(around(&body).as_bytes(), "team");
    }

    #[test]
    fn a_mutated_body_never_panics(
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
    fn every_truncated_body_is_rejected(length in 0..CAPTURED.len() - 2) {
        prop_assert!(alertmanager(&CAPTURED[..length], "team").is_err());
    }

    #[test]
    fn sanitized_json_is_valid(text in "([a-z中]|\\\\u00[0-4]0|\\\\ud[89cdef]0[0a]|\\\\\\\\|\\\\n){0,12}") {
        let json = format!("\"{text}\"");
        let sanitized = sanitize::sanitize(&json);
        prop_assert_eq!(sanitized.len(), json.len());
        let read: String = serde_json::from_str(&sanitized).unwrap();
        prop_assert!(!read.contains('\0'));
        // A string that serde_json already accepted, without NUL, is unchanged.
        if let Ok(before) = serde_json::from_str::<String>(&json) {
            prop_assert_eq!(read, before.replace('\0', "\u{fffd}"));
        }
    }

    #[test]
    fn both_paths_agree(labels in labels(), annotations in labels()) {
        let alert = serde_json::json!({
            "status": "firing", "labels": labels, "annotations": annotations,
            "startsAt": "2026-11-20T08:00:00Z", "generatorURL": "http://x/\u{0}", "values": null,
        });
        let strict = around(&alert.to_string());
        // An integer groupKey, as version "3" sends it, requires the tolerant path.
        let tolerant = strict.replacen("\"version\":", "\"groupKey\":3,\"version\":", 1);
        // A null fingerprint requires it for the alert itself.
        let odd = strict.replacen("\"values\":null", "\"values\":null,\"fingerprint\":null", 1);
        let read = |text: &str| alertmanager(text.as_bytes(), "team").unwrap();
        let alerts = read(&strict).alerts;
        prop_assert_eq!(&read(&tolerant).alerts, &alerts);
        prop_assert_eq!(&read(&odd).alerts, &alerts);
    }
}
