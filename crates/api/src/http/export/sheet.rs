//! Rows as a workbook for spreadsheets.
//!
//! The format cannot be written from its beginning to its end: the workbook is
//! built in temporary files, row by row, and read out when it is whole.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use tokio::sync::mpsc::Receiver;

use super::rows::{self, Cell, Row};

/// Rows of a sheet at most, its header included.
const SHEET_ROWS: u32 = 1_048_576;

/// Characters of a cell at most, in UTF-16.
const CELL_CHARACTERS: usize = 32_767;

/// What the sheet beside the rows says.
#[derive(Clone, Debug)]
pub(super) struct About {
    /// When, in RFC 3339.
    pub(super) at: String,
    /// The address's query.
    pub(super) query: String,
}

/// Builds a workbook of all rows that come, until a sheet is full. Blocks.
///
/// # Errors
/// There is no room for the temporary files.
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
    let mut is_cut = false;
    while let Some(chunk) = chunks.blocking_recv() {
        for row in &chunk {
            if next == SHEET_ROWS {
                is_cut = true;
                break;
            }
            formats.write(sheet, next, row)?;
            next += 1;
        }
        if is_cut {
            break;
        }
    }
    // Nobody need read on.
    drop(chunks);
    say(&mut workbook, about, next - 1, is_cut)?;
    let mut file = tempfile::tempfile()?;
    workbook.save_to_writer(&mut file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn say(workbook: &mut Workbook, about: &About, rows: u32, is_cut: bool) -> Result<(), XlsxError> {
    let sheet = workbook.add_worksheet();
    sheet.set_name("About")?;
    sheet.set_column_width(0, 24)?;
    sheet.set_column_width(1, 80)?;
    let count = match is_cut {
        false => rows.to_string(),
        true => format!(
            "{rows}: the sheet is full, and there are more. Take CSV or JSON Lines, or ask for less."
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
        sheet.write_string(row, 1, short(value))?;
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
        let mut done = Ok(());
        let mut put = |cell: Cell<'_>| {
            if done.is_ok() {
                done = self.put(sheet, row, column, &cell);
            }
            column += 1;
        };
        values.own(&mut put);
        if let Some(telling) = values.content() {
            rows::content_columns(telling, put);
        }
        done
    }

    /// A text is written as one, whatever it begins with: it is never a formula.
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
            // A number there is a float, exact up to 2^53.
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
                sheet.write_string(row, column, short(text))?;
            }
            Cell::Object(json) => {
                sheet.write_string(row, column, short(json))?;
            }
        }
        Ok(())
    }
}

/// 1970-01-01 in days since 1899-12-30, from which spreadsheets count.
const EPOCH: f64 = 25_569.0;
/// 10000-01-01, where they end.
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

/// What a cell takes of a text.
fn short(text: &str) -> &str {
    // A character is at most as many units of UTF-16 as bytes of UTF-8.
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
    fn long_texts_are_cut_between_characters() {
        let long = "😀".repeat(20_000);
        assert_eq!(short(&long).encode_utf16().count(), CELL_CHARACTERS - 1);
        assert_eq!(short("short"), "short");
        let wide = "告".repeat(20_000);
        assert_eq!(short(&wide), wide);
    }
}
