//! Alertmanager's matcher syntax (`pkg/labels/parse.go` and `matcher/parse` there): the syntax of
//! its classic parser, and quoted or bare UTF-8 names as in its newer one. Of the classic syntax,
//! only likely mistakes are rejected: `a==b`, `a='b'`, a comma within an unquoted value of a list.

use super::{Matcher, MatcherError, Op, parse_list};

/// Maximum length of one matcher in bytes.
pub const MAX_LENGTH: usize = 4_096;

/// Parses one matcher, such as `job=~"api.*"` or `job=api`, with or without braces around it.
/// Without braces an unquoted value extends to the end.
///
/// # Errors
///
/// [`MatcherError`] with the position and the expected input.
pub fn parse(text: &str) -> Result<Matcher, MatcherError> {
    if text.trim_start().starts_with('{') {
        let mut matchers = parse_list(text)?;
        return match (matchers.pop(), matchers.is_empty()) {
            (Some(only), true) => Ok(only),
            _ => Err(MatcherError::Syntax {
                position: 1,
                expected: "one matcher inside the braces",
            }),
        };
    }
    let mut reader = Reader {
        text,
        at: 0,
        end: text.len(),
        is_list: false,
    };
    let matcher = reader.matcher()?;
    reader.finish()?;
    Ok(matcher)
}

pub(super) struct Reader<'a> {
    text: &'a str,
    /// Byte offset; the unparsed input lies between `at` and `end`.
    at: usize,
    end: usize,
    /// Whether a comma ends an unquoted value.
    is_list: bool,
}

impl<'a> Reader<'a> {
    /// Starts at the first of several matchers, with or without braces around them.
    pub(super) fn of_list(text: &'a str) -> Result<Self, MatcherError> {
        let mut reader = Self {
            text,
            at: 0,
            end: text.trim_end().len(),
            is_list: true,
        };
        reader.skip_space();
        if reader.take("{") {
            if !reader.rest().ends_with('}') {
                reader.at = reader.end;
                return Err(reader.expected("`}`"));
            }
            reader.end -= 1;
        }
        Ok(reader)
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.rest().is_empty()
    }

    /// Parses the separator after a matcher of a list.
    pub(super) fn comma_or_end(&mut self) -> Result<(), MatcherError> {
        self.skip_space();
        match self.take(",") {
            true => Ok(()),
            false => self.finish(),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..self.end]
    }

    fn expected(&self, expected: &'static str) -> MatcherError {
        MatcherError::Syntax {
            position: self.text[..self.at].chars().count() + 1,
            expected,
        }
    }

    fn skip_space(&mut self) {
        self.at = self.end - self.rest().trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        let taken = self.rest().starts_with(token);
        if taken {
            self.at += token.len();
        }
        taken
    }

    fn finish(&mut self) -> Result<(), MatcherError> {
        self.skip_space();
        match self.rest() {
            "" => Ok(()),
            _ if self.is_list => Err(self.expected("`,` or the end")),
            _ => Err(self.expected("the end")),
        }
    }

    pub(super) fn matcher(&mut self) -> Result<Matcher, MatcherError> {
        self.skip_space();
        let name = self.name()?;
        self.skip_space();
        let op = self.op()?;
        self.skip_space();
        let value = self.value()?;
        Matcher::new(name, op, value)
    }

    fn name(&mut self) -> Result<String, MatcherError> {
        if self.rest().starts_with('"') {
            let start = self.at;
            let name = self.quoted()?;
            if name.is_empty() {
                self.at = start;
                return Err(self.expected("a non-empty label name"));
            }
            return Ok(name);
        }
        // Characters that Alertmanager's newer parser reserves, and white space.
        let rest = self.rest();
        let reserved = |c: char| c.is_whitespace() || "{}!=~,\\\"'`".contains(c);
        let name = &rest[..rest.find(reserved).unwrap_or(rest.len())];
        if name.is_empty() {
            return Err(self.expected("a label name"));
        }
        self.at += name.len();
        Ok(name.to_owned())
    }

    fn op(&mut self) -> Result<Op, MatcherError> {
        // Longest operators first, because `=` is a prefix of `=~`.
        [Op::Match, Op::NotMatch, Op::NotEqual, Op::Equal]
            .into_iter()
            .find(|op| self.take(op.as_str()))
            .ok_or_else(|| self.expected("one of `=`, `!=`, `=~`, `!~`"))
    }

    fn value(&mut self) -> Result<String, MatcherError> {
        match self.rest().chars().next() {
            Some('"') => self.quoted(),
            Some('=' | '~') => {
                Err(self.expected("a value (quote a value that begins with `=` or `~`)"))
            }
            Some('\'' | '`') => Err(self.expected("a value in double quotes")),
            _ => self.unquoted(),
        }
    }

    /// Parses a double-quoted string, including both quotes.
    fn quoted(&mut self) -> Result<String, MatcherError> {
        self.at += 1;
        let (text, length) = unescape(self.rest(), |c| c == '"');
        self.at += length;
        if !self.take("\"") {
            return Err(self.expected("a closing `\"`"));
        }
        Ok(text)
    }

    fn unquoted(&mut self) -> Result<String, MatcherError> {
        let is_list = self.is_list;
        let (text, length) = unescape(self.rest(), |c| c == '"' || (is_list && c == ','));
        self.at += length;
        if self.rest().starts_with('"') {
            return Err(self.expected("no `\"` inside an unquoted value"));
        }
        Ok(text.trim_end().to_owned())
    }
}

/// Unescapes up to the first unescaped character that satisfies `ends`; also returns the number of
/// bytes consumed.
///
/// `\"`, `\\`, `
/// ` and `\t` are escapes; any other backslash is literal, so that `=~"\d+"` works as written.
fn unescape(text: &str, ends: impl Fn(char) -> bool) -> (String, usize) {
    let mut plain = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            match chars.next() {
                Some((_, 'n')) => plain.push('\n'),
                // Only in Alertmanager's newer parser; in a regular expression it means the same.
                Some((_, 't')) => plain.push('\t'),
                Some((_, escaped @ ('"' | '\\'))) => plain.push(escaped),
                Some((_, other)) => plain.extend(['\\', other]),
                None => plain.push('\\'),
            }
        } else if ends(c) {
            return (plain, at);
        } else {
            plain.push(c);
        }
    }
    (plain, text.len())
}
