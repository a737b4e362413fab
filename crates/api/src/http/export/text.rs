//! Rows as lines of text: CSV and JSON Lines.
//!
//! The columns of the alert content make up most of a line and are the same for many rows, so
//! that part of the line is cached.

use std::collections::HashMap;
use std::io::Write as _;

use chrono::SecondsFormat;

use super::rows::{self, CONTENT_COLUMNS, Cell, Row};

/// Text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextFormat {
    /// RFC 4180 in UTF-8, with a byte order mark, which Excel requires.
    Csv,
    /// JSON Lines: one API object per line.
    Json,
}

/// Writes rows as lines.
#[derive(Debug)]
pub(super) struct Writer {
    format: TextFormat,
    /// Line ends by content: the recently used ones.
    ends: HashMap<ContentKey, Vec<u8>>,
    /// Line ends used before those in `ends`.
    older: HashMap<ContentKey, Vec<u8>>,
}

/// Alert ID and content ID.
type ContentKey = (i64, Option<i64>);

/// Maximum number of entries in each cache map, of about one kilobyte each.
const MAX_CACHED: usize = 4_096;

impl Writer {
    pub(super) fn new(format: TextFormat) -> Self {
        Self {
            format,
            ends: HashMap::new(),
            older: HashMap::new(),
        }
    }

    /// Header before the first row.
    pub(super) fn head<R: Row>(&self) -> Vec<u8> {
        match self.format {
            TextFormat::Json => Vec::new(),
            TextFormat::Csv => {
                let names: Vec<_> = rows::names::<R>().collect();
                format!("\u{feff}{}\r\n", names.join(",")).into_bytes()
            }
        }
    }

    /// Appends the line of a row.
    pub(super) fn write<R: Row>(&mut self, row: &R, to: &mut Vec<u8>) {
        let format = self.format;
        let mut names = R::OWN.iter();
        row.own(|cell| {
            // There are as many names as fields.
            let name = names.next().copied().unwrap_or_default();
            format.put(to, name, &cell, name == R::OWN[0]);
        });
        let Some(content) = row.content() else {
            to.extend_from_slice(format.line_end());
            return;
        };
        let key = (content.alert_id, content.content_id);
        if !self.ends.contains_key(&key) {
            let end = self
                .older
                .remove(&key)
                .unwrap_or_else(|| format.content_end(content));
            if self.ends.len() >= MAX_CACHED {
                self.older = std::mem::take(&mut self.ends);
            }
            self.ends.insert(key, end);
        }
        if let Some(end) = self.ends.get(&key) {
            to.extend_from_slice(end);
        }
    }
}

impl TextFormat {
    /// Formats the content columns and the end of the line.
    fn content_end(self, content: &tocsin_storage::AlertContent) -> Vec<u8> {
        let mut end = Vec::new();
        let mut names = CONTENT_COLUMNS.iter();
        rows::content_columns(content, |cell| {
            let name = names.next().copied().unwrap_or_default();
            self.put(&mut end, name, &cell, false);
        });
        end.extend_from_slice(self.line_end());
        end
    }

    /// End of a line.
    fn line_end(self) -> &'static [u8] {
        match self {
            Self::Csv => b"\r\n",
            Self::Json => b"}\n",
        }
    }

    fn put(self, to: &mut Vec<u8>, name: &str, cell: &Cell<'_>, first: bool) {
        match self {
            Self::Csv => {
                if !first {
                    to.push(b',');
                }
                csv(to, cell);
            }
            Self::Json => {
                to.extend_from_slice(if first { b"{\"" } else { b",\"" });
                to.extend_from_slice(name.as_bytes());
                to.extend_from_slice(b"\":");
                json(to, cell);
            }
        }
    }
}

fn json(to: &mut Vec<u8>, cell: &Cell<'_>) {
    // Writing to memory cannot fail.
    let _ = match cell {
        Cell::Nothing => to.write_all(b"null"),
        Cell::Number(number) => write!(to, "{number}"),
        Cell::Flag(flag) => write!(to, "{flag}"),
        Cell::Time(_) => write!(to, "\"{}\"", time(cell)),
        Cell::Text(text) => {
            let _ = serde_json::to_writer(&mut *to, text);
            Ok(())
        }
        Cell::Object(json) => to.write_all(json.as_bytes()),
    };
}

fn csv(to: &mut Vec<u8>, cell: &Cell<'_>) {
    match cell {
        Cell::Text(text) => quoted(to, text, is_formula(text) || is_changed_number(text)),
        Cell::Object(json) => quoted(to, json, false),
        Cell::Nothing => {}
        Cell::Time(_) => to.extend_from_slice(time(cell).as_bytes()),
        plain => json(to, plain),
    }
}

/// Whether a spreadsheet would interpret the value as a formula. Formulas can send the content
/// of the sheet elsewhere, and any sender of alerts could inject one, so such values are prefixed
/// with an apostrophe, which marks a string (OWASP, "CSV Injection"; includes the full-width
/// characters that some programs accept).
fn is_formula(text: &str) -> bool {
    text.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ])
}

/// Whether a spreadsheet would parse the value as a number and change it: it drops leading
/// zeros and digits after the 15th, and evaluates exponents, as in the fingerprint
/// `12345678901234e5`.
fn is_changed_number(text: &str) -> bool {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, Some(exponent)),
        None => (text, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_digits(digits)
        && exponent.is_none_or(is_digits)
        && (exponent.is_some()
            || digits.len() > 15
            || (digits.len() > 1 && digits.starts_with('0')))
}

fn quoted(to: &mut Vec<u8>, text: &str, is_marked: bool) {
    let quote = text.contains(['"', ',', '\r', '\n']);
    if quote {
        to.push(b'"');
    }
    if is_marked {
        to.push(b'\'');
    }
    if quote {
        for part in text.split_inclusive('"') {
            to.extend_from_slice(part.as_bytes());
            if part.ends_with('"') {
                to.push(b'"');
            }
        }
        to.push(b'"');
    } else {
        to.extend_from_slice(text.as_bytes());
    }
}

/// Formats a time as the API does.
fn time(cell: &Cell<'_>) -> String {
    let Cell::Time(time) = cell else {
        return String::new();
    };
    time.to_datetime()
        .to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;
    use tocsin_core::alert::{AlertFields, Status};
    use tocsin_core::time::Timestamp;
    use tocsin_storage::AlertContent;
    use tocsin_storage::alert_log::AlertView;
    use tocsin_storage::enums::{EntryKind, IncidentState};
    use tocsin_storage::incidents::IncidentView;

    use super::super::super::convert;
    use super::*;

    #[test]
    fn digit_strings_are_preserved() {
        for (text, written) in [
            ("12345678901234e5", "'12345678901234e5"),
            ("1234567890123456", "'1234567890123456"),
            ("007", "'007"),
            ("9100", "9100"),
            ("00112233445566ff", "00112233445566ff"),
            ("e5", "e5"),
            ("0", "0"),
        ] {
            let mut to = Vec::new();
            csv(&mut to, &super::super::rows::text_cell(text));
            assert_eq!(String::from_utf8(to).as_deref(), Ok(written));
        }
    }

    fn content(message: &str) -> Arc<AlertContent> {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Arc::new(AlertContent {
            alert_id: 1,
            content_id: None,
            source: "default".to_owned(),
            fingerprint: "00112233445566ff".to_owned(),
            fields: AlertFields {
                alertname: "=cmd()".to_owned(),
                instance: "a,b".to_owned(),
                severity: "критично".to_owned(),
                team: "网络组".to_owned(),
                message: message.to_owned(),
            },
            labels: [label("alertname", "=cmd()"), label("q", "\"\r\n,")].into(),
            annotations: [label("message", message)].into(),
            generator_url: "http://x/?a=1,2".to_owned(),
        })
    }

    fn alert() -> AlertView {
        AlertView {
            id: 7,
            delivery_id: 8,
            incident_id: 9,
            received_at: Timestamp::from_micros(1_700_000_000_123_456),
            status: Status::Resolved,
            kind: EntryKind::Late,
            starts_at: Timestamp::from_micros(1_700_000_000_000_000),
            ends_at: Some(Timestamp::from_micros(1_700_000_000_500_000)),
            content: content("two\nlines and \"quotes\""),
            known: true,
            memo: "-1+1".to_owned(),
        }
    }

    fn incident() -> IncidentView {
        IncidentView {
            id: 9,
            state: IncidentState::Expired,
            stale: false,
            starts_at: Timestamp::from_micros(1),
            ends_at: None,
            end_reason: Some(tocsin_storage::enums::EndReason::FiredAgain),
            first_seen_at: Timestamp::from_micros(1_700_000_000_123_000),
            last_seen_at: Timestamp::from_micros(1_700_000_001_000_000),
            times_received: 4,
            senders: 2,
            previous_id: None,
            known: true,
            known_by: Some("王".to_owned()),
            known_at: None,
            memo: String::new(),
            content: content(""),
        }
    }

    fn write_line<R: Row>(format: TextFormat, row: &R) -> String {
        let mut writer = Writer::new(format);
        let mut first = Vec::new();
        writer.write(row, &mut first);
        let mut again = Vec::new();
        writer.write(row, &mut again);
        assert_eq!(first, again, "the cached line end equals the original");
        String::from_utf8(first).unwrap()
    }

    #[test]
    fn json_lines_equal_the_api() {
        let line: Value = serde_json::from_str(&write_line(TextFormat::Json, &alert())).unwrap();
        assert_eq!(line, serde_json::to_value(convert::alert(alert())).unwrap());
        let line: Value = serde_json::from_str(&write_line(TextFormat::Json, &incident())).unwrap();
        assert_eq!(
            line,
            serde_json::to_value(convert::incident(incident())).unwrap()
        );
    }

    #[test]
    fn csv_lines_are_quoted_and_contain_no_formulas() {
        let head = Writer::new(TextFormat::Csv).head::<AlertView>();
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("\u{feff}id,deliveryId,") && head.ends_with("generatorUrl\r\n"));
        assert_eq!(
            write_line(TextFormat::Csv, &alert()),
            "7,8,9,2023-11-14T22:13:20.123456Z,resolved,late,2023-11-14T22:13:20Z,\
             2023-11-14T22:13:20.500Z,true,'-1+1,default,'=cmd(),\"a,b\",критично,网络组,\
             \"two\nlines and \"\"quotes\"\"\",00112233445566ff,\
             \"{\"\"alertname\"\":\"\"=cmd()\"\",\"\"q\"\":\"\"\\\"\"\\r\\n,\"\"}\",\
             \"{\"\"message\"\":\"\"two\\nlines and \\\"\"quotes\\\"\"\"\"}\",\"http://x/?a=1,2\"\r\n"
        );
    }

    #[test]
    fn cache_is_bounded() {
        let mut writer = Writer::new(TextFormat::Csv);
        let mut out = Vec::new();
        for alert_id in 0..3 * i64::try_from(MAX_CACHED).unwrap() {
            let mut row = alert();
            row.content = Arc::new(AlertContent {
                alert_id,
                ..AlertContent::clone(&row.content)
            });
            writer.write(&row, &mut out);
        }
        assert!(writer.ends.len() + writer.older.len() <= 2 * MAX_CACHED);
    }
}
