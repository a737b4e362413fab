//! Every word that a person reads, in English and Chinese.
//!
//! Each key stands beside both of its texts, so that one cannot be forgotten:
//! a missing text does not compile. Texts with numbers in them are functions,
//! which is where plurals live.
//!
//! To add a text, add a line to the group that fits; to add a group, add a file
//! here and a field to [`Words`].

mod account;
pub mod admin;
mod common;
mod detail;
mod empty;
mod list;
mod people;
mod shell;
mod stats;

use serde::{Deserialize, Serialize};
use tocsin_api_types::{Language, RowCount};

pub use crate::state::use_words;

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English
    En,
    /// Simplified Chinese
    Zh,
}

impl Lang {
    /// As the `lang` attribute has it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// The words of this language.
    pub fn words(self) -> &'static Words {
        match self {
            Self::En => &EN,
            Self::Zh => &ZH,
        }
    }

    /// The language for a browser that prefers `tag`.
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

/// All words of one language.
pub struct Words {
    /// The language itself.
    pub lang: Lang,
    /// Used everywhere.
    pub common: common::Common,
    /// Around the pages.
    pub shell: shell::Shell,
    /// Lists and their filters.
    pub list: list::List,
    /// Statistics.
    pub stats: stats::Stats,
    /// One incident or log entry.
    pub detail: detail::Detail,
    /// Before the first alert.
    pub empty: empty::Empty,
    /// Recipients, groups, routes and mails.
    pub people: people::People,
    /// Signing in, and one's own account.
    pub account: account::Account,
    /// Users, tokens and the audit log.
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
    people: people::EN,
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
    people: people::ZH,
    account: account::ZH,
    admin: admin::ZH,
};

/// Makes a group of words: `key: English, Chinese;`, with the type in brackets
/// where it is not a plain text.
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

/// `one` or `many` English things.
fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// What the server says of a field, as a sentence.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let mut text: String = first.chain(letters).collect();
    if !text.ends_with(['.', '!', '?', '…']) {
        text.push('.');
    }
    text
}

/// The server speaks English. What people get wrong most is said in Chinese, by
/// the field; everything else as the server says it.
fn wrong_in_chinese(field: &str, message: &str) -> String {
    let known = match field.split(['[', '.']).next().unwrap_or_default() {
        "password" | "new" => "密码太短或太容易猜到：至少 10 个字符，例如几个互不相关的词。",
        "current" => "当前密码不正确。",
        "name" if message.contains("already") || message.contains("taken") => "该名称已被使用。",
        "name" => "请输入 1 到 100 个字符，不能包含控制字符。",
        "email" if message.contains("already") || message.contains("taken") => "该邮箱已被使用。",
        "email" => "请输入有效的邮箱地址。",
        "timeZone" => "请选择有效的时区，例如 Asia/Shanghai。",
        "matchers" => "匹配器无效，应形如 team=\"infra\"。",
        "source" => "来源名称无效。",
        "expiresAt" => "过期时间必须在将来。",
        _ => return sentence(message),
    };
    known.to_owned()
}

/// How many rows, with commas: "1,234", or "more than 10,000".
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
    fn counts_are_written_with_commas() {
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
    fn the_browser_chooses() {
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
    fn what_the_server_says_is_a_sentence() {
        assert_eq!(
            (EN.common.field_wrong)("name", "expected 1 to 100 characters"),
            "Expected 1 to 100 characters."
        );
        assert_eq!((EN.common.field_wrong)("name", ""), ".");
        assert_eq!(
            (ZH.common.field_wrong)("matchers[1]", "no matcher"),
            "匹配器无效，应形如 team=\"infra\"。"
        );
        assert_eq!(
            (ZH.common.field_wrong)("position", "too large."),
            "Too large."
        );
    }

    #[test]
    fn codes_have_one_text_each() {
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
