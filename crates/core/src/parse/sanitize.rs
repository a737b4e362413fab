//! Escapes that are legal JSON but cannot be kept: done on the JSON text, before it is read, so
//! that no string of a body can be forgotten.

use std::borrow::Cow;

/// What is written in their place; as long as what it replaces, so that line and column of a later
/// error stay true.
const REPLACEMENT: &[u8; 6] = b"\\ufffd";

/// Whether [`mend`] could find an escaped U+0000. (An unescaped one is not JSON.)
pub(super) fn may_hold_nul(text: &str) -> bool {
    text.contains("\\u0000")
}

/// Replaces escaped U+0000, which PostgreSQL's `text` refuses, and lone surrogates, which are no
/// characters, by U+FFFD. In JSON a backslash is found within strings only, so it need not know
/// where those begin and end; what is not JSON stays so.
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
        // ASCII was replaced by ASCII: there is no Some(Err(_)).
        Some(Err(_)) | None => Cow::Borrowed(text),
    }
}

/// The UTF-16 code unit of a `\uXXXX` that begins at `at`, if one does.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = bytes.get(at..at + 6)? else {
        return None;
    };
    digits.iter().try_fold(0, |sum, digit| {
        Some(sum * 16 + char::from(*digit).to_digit(16)?)
    })
}
