//! Rows as lines of text: CSV and JSON Lines.
//!
//! What a row was told with is most of its line and the same for many rows, so
//! that part of the line is kept.

use std::collections::HashMap;
use std::io::Write as _;

use chrono::SecondsFormat;

use super::rows::{self, Cell, Row, TOLD};

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextFormat {
    /// RFC 4180, in UTF-8 with a mark at its beginning, by which Excel knows it.
    Csv,
    /// An object of the API on each line.
    Json,
}

/// Writes rows of one kind.
#[derive(Debug)]
pub(super) struct Writer {
    lines: TextFormat,
    /// The ends of lines, by what was told; as many again from before.
    ends: HashMap<Which, Vec<u8>>,
    older: HashMap<Which, Vec<u8>>,
}

type Which = (i64, Option<i64>);

/// Ends of about a kilobyte each.
const KEPT: usize = 4_096;

impl Writer {
    pub(super) fn new(lines: TextFormat) -> Self {
        Self {
            lines,
            ends: HashMap::new(),
            older: HashMap::new(),
        }
    }

    /// What comes before the first row.
    pub(super) fn head<R: Row>(&self) -> Vec<u8> {
        match self.lines {
            TextFormat::Json => Vec::new(),
            TextFormat::Csv => {
                let names: Vec<_> = rows::names::<R>().collect();
                format!("\u{feff}{}\r\n", names.join(",")).into_bytes()
            }
        }
    }

    /// Adds the row's line.
    pub(super) fn write<R: Row>(&mut self, row: &R, to: &mut Vec<u8>) {
        let lines = self.lines;
        let mut names = R::OWN.iter();
        row.own(|cell| {
            // The names are as many as the fields.
            let name = names.next().copied().unwrap_or_default();
            lines.put(to, name, &cell, name == R::OWN[0]);
        });
        let Some(telling) = row.content() else {
            to.extend_from_slice(lines.last());
            return;
        };
        let which = (telling.alert_id, telling.content_id);
        if !self.ends.contains_key(&which) {
            let end = self
                .older
                .remove(&which)
                .unwrap_or_else(|| lines.end(telling));
            if self.ends.len() >= KEPT {
                self.older = std::mem::take(&mut self.ends);
            }
            self.ends.insert(which, end);
        }
        if let Some(end) = self.ends.get(&which) {
            to.extend_from_slice(end);
        }
    }
}

impl TextFormat {
    fn end(self, telling: &tocsin_storage::AlertContent) -> Vec<u8> {
        let mut end = Vec::new();
        let mut names = TOLD.iter();
        rows::content_columns(telling, |cell| {
            let name = names.next().copied().unwrap_or_default();
            self.put(&mut end, name, &cell, false);
        });
        end.extend_from_slice(self.last());
        end
    }

    /// What a line ends with.
    fn last(self) -> &'static [u8] {
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
    // Nothing that is written into memory fails.
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

/// A spreadsheet takes a cell that begins so for a formula, and a formula can
/// send what is in the sheet elsewhere. Anybody who may send alerts may write
/// one, so such a cell gets an apostrophe before it, by which spreadsheets know
/// a text. (OWASP, "CSV Injection", with the wide forms that some accept.)
fn is_formula(text: &str) -> bool {
    text.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ])
}

/// A spreadsheet takes a cell of digits for a number, and changes what it cannot keep:
/// zeros at the beginning, more than 15 digits, and an exponent, as in the fingerprint
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

/// As the API writes times.
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
    fn a_text_of_digits_stays_a_text() {
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

    fn telling(message: &str) -> Arc<AlertContent> {
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
            content: telling("two\nlines and \"quotes\""),
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
            content: telling(""),
        }
    }

    fn line<R: Row>(lines: TextFormat, row: &R) -> String {
        let mut writer = Writer::new(lines);
        let mut first = Vec::new();
        writer.write(row, &mut first);
        let mut again = Vec::new();
        writer.write(row, &mut again);
        assert_eq!(first, again, "a kept end is the same end");
        String::from_utf8(first).unwrap()
    }

    #[test]
    fn a_line_of_json_is_the_object_of_the_api() {
        let said: Value = serde_json::from_str(&line(TextFormat::Json, &alert())).unwrap();
        assert_eq!(said, serde_json::to_value(convert::alert(alert())).unwrap());
        let said: Value = serde_json::from_str(&line(TextFormat::Json, &incident())).unwrap();
        assert_eq!(
            said,
            serde_json::to_value(convert::incident(incident())).unwrap()
        );
    }

    #[test]
    fn a_line_of_csv_has_its_quotes_and_no_formula() {
        let head = Writer::new(TextFormat::Csv).head::<AlertView>();
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("\u{feff}id,deliveryId,") && head.ends_with("generatorUrl\r\n"));
        assert_eq!(
            line(TextFormat::Csv, &alert()),
            "7,8,9,2023-11-14T22:13:20.123456Z,resolved,late,2023-11-14T22:13:20Z,\
             2023-11-14T22:13:20.500Z,true,'-1+1,default,'=cmd(),\"a,b\",критично,网络组,\
             \"two\nlines and \"\"quotes\"\"\",00112233445566ff,\
             \"{\"\"alertname\"\":\"\"=cmd()\"\",\"\"q\"\":\"\"\\\"\"\\r\\n,\"\"}\",\
             \"{\"\"message\"\":\"\"two\\nlines and \\\"\"quotes\\\"\"\"\"}\",\"http://x/?a=1,2\"\r\n"
        );
    }

    #[test]
    fn ends_are_let_go_when_there_are_many() {
        let mut writer = Writer::new(TextFormat::Csv);
        let mut out = Vec::new();
        for series_id in 0..3 * i64::try_from(KEPT).unwrap() {
            let mut row = alert();
            row.content = Arc::new(AlertContent {
                alert_id: series_id,
                ..AlertContent::clone(&row.content)
            });
            writer.write(&row, &mut out);
        }
        assert!(writer.ends.len() + writer.older.len() <= 2 * KEPT);
    }
}
