//! Rows as a workbook.
//!
//! The format cannot be streamed: the workbook is built row by row in temporary files, and read
//! when it is complete.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use tokio::sync::mpsc::Receiver;

use super::rows::{self, Cell, Row};

/// Maximum number of rows of a sheet, including the header.
const SHEET_ROWS: u32 = 1_048_576;

/// Maximum length of a cell, in UTF-16 code units.
const CELL_CHARACTERS: usize = 32_767;

/// Content of the sheet "About".
#[derive(Clone, Debug)]
pub(super) struct About {
    /// Time of the export, in RFC 3339.
    pub(super) at: String,
    /// Query string of the request.
    pub(super) query: String,
}

/// Builds a workbook of the received rows, until the sheet is full. Blocks.
///
/// # Errors
/// Fails if the temporary files cannot be written.
pub(super) fn build<R: Row>(
    mut chunks: Receiver<Vec<R>>,
    about: &About,
) -> Result<File, XlsxError> {
    let mut workbook = Workbook::new();
    let formats = Formats {
        head: Format::new().set_bold(),
        time: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000"),
    };
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    sheet.set_name(R::SHEET)?;
    sheet.set_freeze_panes(1, 0)?;
    for (column, name) in (0..).zip(rows::names::<R>()) {
        sheet.set_column_width(column, width(name))?;
        sheet.write_string_with_format(0, column, name, &formats.head)?;
    }
    let mut next = 1;
    let mut is_truncated = false;
    while let Some(chunk) = chunks.blocking_recv() {
        for row in &chunk {
            if next == SHEET_ROWS {
                is_truncated = true;
                break;
            }
            formats.write(sheet, next, row)?;
            next += 1;
        }
        if is_truncated {
            break;
        }
    }
    // Stops the sender.
    drop(chunks);
    write_about(&mut workbook, about, next - 1, is_truncated)?;
    let mut file = tempfile::tempfile()?;
    workbook.save_to_writer(&mut file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn write_about(
    workbook: &mut Workbook,
    about: &About,
    rows: u32,
    is_truncated: bool,
) -> Result<(), XlsxError> {
    let sheet = workbook.add_worksheet();
    sheet.set_name("About")?;
    sheet.set_column_width(0, 24)?;
    sheet.set_column_width(1, 80)?;
    let count = match is_truncated {
        false => rows.to_string(),
        true => format!(
            "{rows}, further rows were omitted because the sheet is full. Export as CSV or JSON Lines, or filter the list."
        ),
    };
    let lines = [
        ("Exported by", "Tocsin"),
        ("Exported at", &about.at),
        ("Times are in", "UTC"),
        ("Filter", &about.query),
        ("Rows", &count),
    ];
    for (row, (name, value)) in (0..).zip(lines) {
        sheet.write_string(row, 0, name)?;
        sheet.write_string(row, 1, truncated(value))?;
    }
    Ok(())
}

struct Formats {
    head: Format,
    time: Format,
}

impl Formats {
    fn write<R: Row>(&self, sheet: &mut Worksheet, row: u32, values: &R) -> Result<(), XlsxError> {
        let mut column = 0;
        let mut result = Ok(());
        let mut put = |cell: Cell<'_>| {
            if result.is_ok() {
                result = self.put(sheet, row, column, &cell);
            }
            column += 1;
        };
        values.own(&mut put);
        if let Some(content) = values.content() {
            rows::content_columns(content, put);
        }
        result
    }

    /// Writes a cell. Strings are never interpreted as formulas.
    fn put(
        &self,
        sheet: &mut Worksheet,
        row: u32,
        column: u16,
        cell: &Cell<'_>,
    ) -> Result<(), XlsxError> {
        match cell {
            Cell::Nothing => {}
            Cell::Text(text) if text.is_empty() => {}
            // Workbooks store numbers as floats, exact up to 2^53.
            Cell::Number(number) => {
                sheet.write_number(row, column, *number as f64)?;
            }
            Cell::Flag(flag) => {
                sheet.write_boolean(row, column, *flag)?;
            }
            Cell::Time(time) => {
                let day = time.as_micros() as f64 / 86_400e6 + EPOCH;
                if (0.0..LAST_DAY).contains(&day) {
                    sheet.write_number_with_format(row, column, day, &self.time)?;
                } else {
                    sheet.write_string(row, column, time.to_datetime().to_rfc3339())?;
                }
            }
            Cell::Text(text) => {
                sheet.write_string(row, column, truncated(text))?;
            }
            Cell::Object(json) => {
                sheet.write_string(row, column, truncated(json))?;
            }
        }
        Ok(())
    }
}

/// 1970-01-01 in days since 1899-12-30, the epoch of spreadsheets.
const EPOCH: f64 = 25_569.0;
/// 10000-01-01, the first date that spreadsheets do not support.
const LAST_DAY: f64 = 2_958_466.0;

fn width(name: &str) -> f64 {
    match name {
        "message" | "labels" | "annotations" | "generatorUrl" => 48.0,
        "before" | "after" => 48.0,
        "at" | "receivedAt" | "startsAt" | "endsAt" | "firstSeenAt" | "lastSeenAt" | "knownAt" => {
            23.0
        }
        "alertname" | "instance" | "memo" | "actorName" | "action" | "objectName" => 28.0,
        _ => 12.0,
    }
}

/// Truncates a string to the maximum length of a cell.
fn truncated(text: &str) -> &str {
    // A character has at most as many UTF-16 code units as UTF-8 bytes.
    if text.len() <= CELL_CHARACTERS {
        return text;
    }
    let mut units = 0;
    for (at, character) in text.char_indices() {
        units += character.len_utf16();
        if units > CELL_CHARACTERS {
            return &text[..at];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_strings_are_truncated_between_characters() {
        let long = "😀".repeat(20_000);
        assert_eq!(truncated(&long).encode_utf16().count(), CELL_CHARACTERS - 1);
        assert_eq!(truncated("short"), "short");
        let wide = "告".repeat(20_000);
        assert_eq!(truncated(&wide), wide);
    }
}
