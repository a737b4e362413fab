//! All texts of the pages, in English and Chinese.
//!
//! Each key has both texts next to each other; a missing one does not compile. Texts
//! with numbers are functions, which handle plurals.
//!
//! To add a text, add a line to its group. To add a group, add a file here and a field
//! to [`Words`].

mod account;
pub mod admin;
mod common;
mod detail;
mod empty;
mod list;
mod recipients;
mod shell;
mod stats;

use serde::{Deserialize, Serialize};
use tocsin_api_types::{Language, RowCount};

pub use crate::state::use_words;

/// Language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    En,
    Zh,
}

impl Lang {
    /// Value of the `lang` attribute.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// Texts of this language.
    pub fn words(self) -> &'static Words {
        match self {
            Self::En => &EN,
            Self::Zh => &ZH,
        }
    }

    /// The language for a browser with the preferred tag `tag`.
    pub fn of_browser(tag: &str) -> Self {
        if tag.to_ascii_lowercase().starts_with("zh") {
            Self::Zh
        } else {
            Self::En
        }
    }
}

impl From<Language> for Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::En => Self::En,
            Language::Zh => Self::Zh,
        }
    }
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::En,
            Lang::Zh => Self::Zh,
        }
    }
}

/// All texts of one language.
pub struct Words {
    pub lang: Lang,
    pub common: common::Common,
    pub shell: shell::Shell,
    pub list: list::List,
    pub stats: stats::Stats,
    pub detail: detail::Detail,
    pub empty: empty::Empty,
    pub recipients: recipients::Recipients,
    pub account: account::Account,
    pub admin: admin::Admin,
}

static EN: Words = Words {
    lang: Lang::En,
    common: common::EN,
    shell: shell::EN,
    list: list::EN,
    stats: stats::EN,
    detail: detail::EN,
    empty: empty::EN,
    recipients: recipients::EN,
    account: account::EN,
    admin: admin::EN,
};

static ZH: Words = Words {
    lang: Lang::Zh,
    common: common::ZH,
    shell: shell::ZH,
    list: list::ZH,
    stats: stats::ZH,
    detail: detail::ZH,
    empty: empty::ZH,
    recipients: recipients::ZH,
    account: account::ZH,
    admin: admin::ZH,
};

/// Declares a group of texts: `key: English, Chinese;`, with the type in brackets
/// unless it is a `&'static str`.
macro_rules! words {
    ($(#[$meta:meta])* $group:ident; $($key:ident $([$type:ty])?: $en:expr, $zh:expr;)*) => {
        $(#[$meta])*
        pub struct $group { $(pub $key: crate::i18n::word_type!($($type)?),)* }
        pub const EN: $group = $group { $($key: $en,)* };
        pub const ZH: $group = $group { $($key: $zh,)* };
    };
}

macro_rules! word_type {
    () => { &'static str };
    ($type:ty) => { $type };
}

use {word_type, words};

/// `count` with the singular or plural noun.
fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Formats a server message as a sentence.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let mut text: String = first.chain(letters).collect();
    if !text.ends_with(['.', '!', '?', '…']) {
        text.push('.');
    }
    text
}

/// Server messages are in English. The most frequent field errors are replaced by a
/// Chinese text, chosen by field and message; the rest is shown as received.
fn wrong_in_chinese(field: &str, message: &str) -> String {
    let known = match field.split(['[', '.']).next().unwrap_or_default() {
        "password" | "new" => "密码太短或太容易猜到：至少 10 个字符，例如几个互不相关的词。",
        "current" => "当前密码不正确。",
        "name" if message.contains("already") || message.contains("taken") => "该名称已被使用。",
        "name" => "请输入 1 到 100 个字符，不能包含控制字符。",
        "email" if message.contains("already") || message.contains("taken") => "该邮箱已被使用。",
        "email" => "请输入有效的邮箱地址。",
        "timeZone" => "请选择有效的时区，例如 Asia/Shanghai。",
        "matchers" => "匹配条件无效，应形如 team=\"infra\"。",
        "source" => "来源名称无效。",
        "expiresAt" => "过期时间必须在将来。",
        _ => return sentence(message),
    };
    known.to_owned()
}

/// A row count with thousands separators: "1,234", or "more than 10,000".
fn row_count(count: RowCount, more_than: &str) -> String {
    let digits = count.value.to_string();
    let mut text = String::from(if count.exact { "" } else { more_than });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_thousands_separators() {
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1_234, "1,234"),
            (1_234_567, "1,234,567"),
        ] {
            let exact = RowCount { value, exact: true };
            assert_eq!(row_count(exact, "more than "), text);
        }
        let bounded = RowCount {
            value: 10_000,
            exact: false,
        };
        assert_eq!(row_count(bounded, "more than "), "more than 10,000");
    }

    #[test]
    fn language_follows_the_browser() {
        for (tag, lang) in [
            ("zh", Lang::Zh),
            ("zh-CN", Lang::Zh),
            ("ZH-Hant", Lang::Zh),
            ("en-US", Lang::En),
            ("de", Lang::En),
            ("", Lang::En),
        ] {
            assert_eq!(Lang::of_browser(tag), lang, "{tag}");
        }
    }

    #[test]
    fn server_messages_become_sentences() {
        assert_eq!(
            (EN.common.field_wrong)("name", "expected 1 to 100 characters"),
            "Expected 1 to 100 characters."
        );
        assert_eq!((EN.common.field_wrong)("name", ""), ".");
        assert_eq!(
            (ZH.common.field_wrong)("matchers[1]", "no matcher"),
            "匹配条件无效，应形如 team=\"infra\"。"
        );
        assert_eq!(
            (ZH.common.field_wrong)("position", "too large."),
            "Too large."
        );
    }

    #[test]
    fn audit_codes_are_unique() {
        for (n, (code, ..)) in admin::ACTIONS.iter().enumerate() {
            assert!(
                admin::ACTIONS[n + 1..]
                    .iter()
                    .all(|(other, ..)| other != code),
                "{code}"
            );
        }
    }

    #[test]
    fn one_is_singular() {
        assert_eq!((EN.list.new_rows)(1), "1 new");
        assert_eq!((EN.list.selected)(1), "1 incident selected");
        assert_eq!((EN.list.selected)(3), "3 incidents selected");
    }
}
