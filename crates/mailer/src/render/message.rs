//! Assembles the message from its rendered parts (RFC 5322, RFC 2045).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::message::header::{self, ContentType, HeaderName, HeaderValue, Headers};
use lettre::message::{MultiPart, SinglePart};

use crate::{MailContent, text};

/// Maximum number of incidents in `X-Tocsin-Incident`.
const MAX_INCIDENTS: usize = 50;
/// Maximum length of a display name, in characters.
const MAX_NAME: usize = 100;

/// The rendered parts of a mail.
pub(super) struct Parts {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// A Message-ID that is not of the form `local@domain`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InvalidId(String);

impl std::fmt::Display for InvalidId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`{}` is not of the form local@domain",
            text::line(&self.0, 100)
        )
    }
}

/// Assembles the message.
///
/// lettre's `MessageBuilder` is not used: it parses the From header that it wrote itself, and fails
/// on some names (`message/mod.rs`, `build`, 0.11.23).
pub(super) fn assemble(
    content: &MailContent,
    from: &lettre::Address,
    to: &lettre::Address,
    parts: &Parts,
) -> Result<Vec<u8>, InvalidId> {
    let thread = id(&content.thread_id)?;
    let mut headers = Headers::new();
    let mut set = |name: &'static str, encoded: String| {
        // The value is encoded by this module: ASCII, folded, without bare line breaks.
        headers.insert_raw(HeaderValue::dangerous_new_pre_encoded(
            HeaderName::new_from_ascii_str(name),
            String::new(),
            encoded,
        ));
    };
    set("From", mailbox(&content.from.name, from));
    set("To", mailbox(&content.to.name, to));
    set("Subject", unstructured(&parts.subject));
    set(
        "Date",
        content
            .date
            .format("%a, %d %b %Y %H:%M:%S +0000")
            .to_string(),
    );
    set("Message-ID", id(&content.message_id)?);
    set("In-Reply-To", thread.clone());
    set("References", thread);
    // RFC 3834: vacation programs must not answer. Exchange uses its own header, which does not
    // affect bounces (NDR): the sender's mailbox should receive those.
    set("Auto-Submitted", "auto-generated".to_owned());
    set(
        "X-Auto-Response-Suppress",
        "DR, RN, NRN, OOF, AutoReply".to_owned(),
    );
    set("X-Tocsin-Incident", incidents(content));
    headers.set(header::MIME_VERSION_1_0);

    let body = MultiPart::alternative()
        .boundary(boundary(content, parts))
        .singlepart(part(ContentType::TEXT_PLAIN, &parts.text))
        .singlepart(part(ContentType::TEXT_HTML, &parts.html));
    let mut message = headers.to_string().into_bytes();
    message.extend(body.formatted());
    Ok(message)
}

/// Encoded as quoted-printable or base64, whichever is shorter, so that the message is ASCII.
fn part(kind: ContentType, text: &str) -> SinglePart {
    SinglePart::builder()
        .header(kind)
        .body(text.replace('\n', "\r\n"))
}

/// A boundary derived from the Message-ID, so that the same mail has the same bytes each time, with
/// a counter until it occurs in neither part.
fn boundary(content: &MailContent, parts: &Parts) -> String {
    let id: String = content
        .message_id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(40)
        .collect();
    let mut n = 0_u32;
    loop {
        let boundary = format!("tocsin-{id}-{n}");
        if !parts.text.contains(&boundary) && !parts.html.contains(&boundary) {
            return boundary;
        }
        n += 1;
    }
}

/// `<local@domain>`.
fn id(id: &str) -> Result<String, InvalidId> {
    let good = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c))
    };
    match id.split_once('@') {
        Some((local, domain)) if good(local) && good(domain) && id.len() <= 250 => {
            Ok(format!("<{id}>"))
        }
        _ => Err(InvalidId(id.to_owned())),
    }
}

/// The incident IDs, for mail filters.
fn incidents(content: &MailContent) -> String {
    let mut ids: Vec<i64> = content
        .events
        .iter()
        .map(|event| event.incident_id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(MAX_INCIDENTS);
    let lines: Vec<String> = ids
        .chunks(5)
        .map(|ids| {
            ids.iter()
                .map(i64::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        })
        .collect();
    lines.join(",\r\n ")
}

/// `"Name" <local@domain>`.
fn mailbox(name: &str, address: &lettre::Address) -> String {
    let name = text::line(name, MAX_NAME);
    if name.is_empty() {
        return format!("<{address}>");
    }
    let name = if is_plain(&name) {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        encoded_words(&name)
    };
    // Folded if it would be long; the 6 are for `From: `.
    let long = name.len() + address.to_string().len() + 6 > 70;
    let gap = if long { "\r\n " } else { " " };
    format!("{name}{gap}<{address}>")
}

/// A header with free text.
fn unstructured(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else {
        encoded_words(text)
    }
}

/// Whether the text can be in one header line without encoding. `=?` cannot: mail programs would
/// decode a sender's `=?utf-8?…?=`.
fn is_plain(text: &str) -> bool {
    text.len() <= 66
        && !text.contains("=?")
        && text.chars().all(|c| c.is_ascii_graphic() || c == ' ')
}

/// RFC 2047 words of at most 75 characters, each of whole characters, one a line.
fn encoded_words(text: &str) -> String {
    /// 42 bytes are 56 in base64 and 68 with the frame, which leaves room for `Subject: `.
    const BYTES: usize = 42;
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = if rest.len() <= BYTES {
            rest.len()
        } else {
            (1..=BYTES)
                .rev()
                .find(|end| rest.is_char_boundary(*end))
                .unwrap_or(rest.len())
        };
        let (word, after) = rest.split_at(end);
        words.push(format!("=?utf-8?B?{}?=", BASE64.encode(word)));
        rest = after;
    }
    words.join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked() {
        assert_eq!(
            id("a.b-1@tocsin.example.com").as_deref(),
            Ok("<a.b-1@tocsin.example.com>")
        );
        for bad in ["", "a", "@b", "a@", "a@b>\r\nBcc: <x@y", "a b@c", "a@b@c"] {
            assert!(id(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn long_and_foreign_text_is_encoded_in_short_lines() {
        let text = "磁盘空间不足，剩余不到百分之五，请尽快处理 🔥 [prod] DiskFull db-1:9100";
        for line in unstructured(text).split("\r\n ") {
            assert!(line.len() <= 75, "{line}");
            assert!(line.is_ascii());
        }
        assert_eq!(unstructured("DiskFull"), "DiskFull");
        assert_ne!(unstructured("=?utf-8?B?8J+YgA==?="), "=?utf-8?B?8J+YgA==?=");
    }
}
