//! Replaces escapes that are legal JSON but cannot be stored. Works on the JSON source before
//! parsing, so that no string of a body is missed.

use std::borrow::Cow;

/// The replacement; as long as the escape it replaces, so that line and column of a later error
/// stay correct.
const REPLACEMENT: &[u8; 6] = b"\\ufffd";

/// Whether [`sanitize`] may find an escaped U+0000. (An unescaped one is not valid JSON.)
pub(super) fn may_hold_nul(text: &str) -> bool {
    text.contains("\\u0000")
}

/// Replaces escaped U+0000, which PostgreSQL's `text` rejects, and lone surrogates, which are not
/// characters, with U+FFFD. In JSON a backslash occurs within strings only, so the positions of
/// strings do not matter; invalid JSON stays invalid.
pub(super) fn sanitize(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|b| *b == b'\\') {
        let here = at + found;
        at = match unit(bytes, here) {
            // Any other escape: a backslash and the character it escapes.
            None => here + 2,
            Some(0xd800..=0xdbff) if matches!(unit(bytes, here + 6), Some(0xdc00..=0xdfff)) => {
                here + 12
            }
            Some(0 | 0xd800..=0xdfff) => {
                mended.get_or_insert_with(|| bytes.to_vec())[here..here + 6]
                    .copy_from_slice(REPLACEMENT);
                here + 6
            }
            Some(_) => here + 6,
        };
        if at >= bytes.len() {
            break;
        }
    }
    match mended.map(String::from_utf8) {
        Some(Ok(text)) => Cow::Owned(text),
        // ASCII was replaced with ASCII: `Some(Err(_))` cannot occur.
        Some(Err(_)) | None => Cow::Borrowed(text),
    }
}

/// The UTF-16 code unit of a `\uXXXX` at `at`, if there is one.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = bytes.get(at..at + 6)? else {
        return None;
    };
    digits.iter().try_fold(0, |sum, digit| {
        Some(sum * 16 + char::from(*digit).to_digit(16)?)
    })
}
