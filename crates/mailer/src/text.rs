//! Sanitizing of received strings.
//!
//! Everything in an alert is chosen by the sender: line breaks that would end a header, NUL and
//! escape sequences, characters that reverse the reading direction and so display another text, and
//! megabytes of it.

/// One line: white space and line breaks become one space, control characters and direction
/// overrides are removed, the ends trimmed, and the result truncated to `max` characters.
pub(crate) fn line(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max * 4));
    let mut count = 0;
    let mut space = false;
    for c in text.chars() {
        if c.is_whitespace() || (c.is_control() && matches!(c, '\r' | '\n' | '\t' | '\u{85}')) {
            space = count > 0;
            continue;
        }
        if is_unwanted(c) {
            continue;
        }
        let needed = 1 + usize::from(space);
        if count + needed > max {
            return shorten(out, max);
        }
        if std::mem::take(&mut space) {
            out.push(' ');
        }
        out.push(c);
        count += needed;
    }
    out
}

/// Several lines: CR LF, CR and the Unicode separators become LF, other control characters and
/// direction overrides are removed, the ends trimmed, and the result truncated to `max` characters.
pub(crate) fn lines(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max * 4));
    let mut count = 0;
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        let c = match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                '\n'
            }
            '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            '\t' => ' ',
            '\n' => '\n',
            c if is_unwanted(c) => continue,
            c => c,
        };
        if count == max {
            return shorten(out, max);
        }
        out.push(c);
        count += 1;
    }
    out
}

/// The URL if it is safe to click: http or https, without line breaks.
///
/// Anything else (`javascript:`, `data:`, a file, a bare word) is never shown as a link.
pub(crate) fn link(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > MAX_LINK || text.chars().any(|c| c.is_control()) {
        return None;
    }
    let url = url::Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.host().is_some()).then(|| url.into())
}

/// Maximum length of a link. Mail programs truncate longer ones, which breaks them.
const MAX_LINK: usize = 2_000;

/// Truncates a text that is too long, with an ellipsis, to `max` characters.
fn shorten(mut text: String, max: usize) -> String {
    if text.chars().count() >= max {
        text.pop();
    }
    text.push('…');
    text
}

/// Control characters, and the invisible characters that reorder text (overrides, embeddings,
/// isolates) or hide it (except soft hyphens, which are harmless). Joiners stay, emoji need them.
fn is_unwanted(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}'
            | '\u{200B}'
            | '\u{200E}' | '\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(line("a\r\nBcc: x@example.com", 100), "a Bcc: x@example.com");
        assert_eq!(line("  a \t\n b\u{2028}c\u{85}d ", 100), "a b c d");
        assert_eq!(line("nul\0 esc\u{1b}[31m", 100), "nul esc[31m");
        assert_eq!(line("safe\u{202E}gpj.exe", 100), "safegpj.exe");
        assert_eq!(line("👩‍💻 磁盘", 100), "👩‍💻 磁盘");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(line("磁盘空间不足", 4), "磁盘空…");
        assert_eq!(line("磁盘空间", 4), "磁盘空间");
        assert_eq!(line("ab cd", 3), "ab…");
        assert_eq!(lines("一二三四", 3), "一二…");
        assert_eq!(lines("一二三", 3), "一二三");
    }

    #[test]
    fn lines_keep_their_breaks() {
        assert_eq!(lines(" a\r\nb\rc\n\nd\0 ", 100), "a\nb\nc\n\nd");
    }

    #[test]
    fn only_web_links_are_links() {
        assert_eq!(
            link("https://prometheus.example.com/graph?g0.expr=up%3D%3D0&a=\"b\"").as_deref(),
            Some("https://prometheus.example.com/graph?g0.expr=up%3D%3D0&a=%22b%22")
        );
        for bad in [
            "",
            "graph",
            "javascript:alert(1)",
            " JavaScript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "http://",
            "https://a.example.com/\r\nx",
        ] {
            assert_eq!(link(bad), None, "{bad:?}");
        }
    }
}
