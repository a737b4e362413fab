//! Many rows of whole numbers as one text.
//!
//! A driver spends more on a row than the database does on finding it. So the
//! database puts the numbers of a whole chunk into one text, which is taken
//! apart here: thousands of rows in the time of hundreds.

use crate::StorageError;

/// The SQL of one row as text: numbers or nothing, with commas between.
pub(crate) fn pack(columns: &[&str]) -> String {
    let texts: Vec<String> = columns
        .iter()
        .map(|column| format!("COALESCE(CAST({column} AS TEXT), '')"))
        .collect();
    texts.join(" || ',' || ")
}

/// The rows of a text made by `string_agg(pack(…), ';')`.
///
/// # Errors
/// [`StorageError::Corrupt`] naming `table`, where there is no number.
pub(crate) fn rows<const N: usize>(
    text: Option<&str>,
    table: &'static str,
) -> Result<Vec<[Option<i64>; N]>, StorageError> {
    let corrupt = || StorageError::Corrupt {
        table,
        column: "any",
        id: 0,
    };
    let text = text.unwrap_or_default();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = Vec::with_capacity(text.len() / (N * 6) + 1);
    for line in text.split(';') {
        let mut row = [None; N];
        let mut columns = line.split(',');
        for place in &mut row {
            let column = columns.next().ok_or_else(corrupt)?;
            if !column.is_empty() {
                *place = Some(column.parse().map_err(|_| corrupt())?);
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn rows_come_back_with_what_is_missing() {
        let read = rows::<3>(Some("1,-2,;3,,4"), "t").ok();
        let expected = vec![[Some(1), Some(-2), None], [Some(3), None, Some(4)]];
        assert_eq!(read, Some(expected));
        assert_eq!(rows::<3>(None, "t").ok(), Some(vec![]));
        assert!(rows::<3>(Some("1,2"), "t").is_err());
        assert!(rows::<1>(Some("x"), "t").is_err());
    }
}
