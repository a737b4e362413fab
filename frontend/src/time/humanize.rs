//! Durations as text. Pure, so that it is tested on the host.

use crate::i18n::Lang;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Day,
    Hour,
    Minute,
    Second,
}

impl Unit {
    fn word(self, lang: Lang) -> &'static str {
        match (lang, self) {
            (Lang::En, Self::Day) => "d",
            (Lang::En, Self::Hour) => "h",
            (Lang::En, Self::Minute) => "min",
            (Lang::En, Self::Second) => "s",
            (Lang::Zh, Self::Day) => "天",
            (Lang::Zh, Self::Hour) => "小时",
            (Lang::Zh, Self::Minute) => "分钟",
            (Lang::Zh, Self::Second) => "秒",
        }
    }
}

/// The two largest units of a duration; the second only if it is significant.
pub fn split(seconds: i64) -> ((i64, Unit), Option<(i64, Unit)>) {
    let seconds = seconds.max(0);
    let (large, small, size) = match seconds {
        0..60 => return ((seconds, Unit::Second), None),
        60..3600 => (Unit::Minute, Unit::Second, 60),
        3600..86_400 => (Unit::Hour, Unit::Minute, 3600),
        _ => (Unit::Day, Unit::Hour, 86_400),
    };
    let step = match small {
        Unit::Hour => 3600,
        Unit::Minute => 60,
        _ => 1,
    };
    let rest = seconds % size / step;
    // Seconds beside ten minutes are noise.
    let quiet = rest == 0 || (large == Unit::Minute && seconds >= 600);
    ((seconds / size, large), (!quiet).then_some((rest, small)))
}

/// "2 h 5 min", "2 小时 5 分钟".
pub fn duration(lang: Lang, seconds: i64) -> String {
    let (first, second) = split(seconds);
    let part = |(count, unit): (i64, Unit)| format!("{count} {}", unit.word(lang));
    match second {
        Some(second) => format!("{} {}", part(first), part(second)),
        None => part(first),
    }
}

/// "3 min ago", "3 分钟前".
pub fn ago(lang: Lang, seconds: i64) -> String {
    let (count, unit) = split(seconds).0;
    match (lang, unit) {
        (Lang::En, Unit::Second) => "just now".to_owned(),
        (Lang::Zh, Unit::Second) => "刚刚".to_owned(),
        (Lang::En, unit) => format!("{count} {} ago", unit.word(lang)),
        (Lang::Zh, unit) => format!("{count} {}前", unit.word(lang)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        for (seconds, en, zh) in [
            (-5, "0 s", "0 秒"),
            (59, "59 s", "59 秒"),
            (60, "1 min", "1 分钟"),
            (150, "2 min 30 s", "2 分钟 30 秒"),
            (754, "12 min", "12 分钟"),
            (7500, "2 h 5 min", "2 小时 5 分钟"),
            (86_400 * 3 + 59, "3 d", "3 天"),
            (86_400 * 400 + 3600 * 4, "400 d 4 h", "400 天 4 小时"),
        ] {
            assert_eq!(duration(Lang::En, seconds), en);
            assert_eq!(duration(Lang::Zh, seconds), zh);
        }
    }

    #[test]
    fn relative_times_have_one_unit() {
        for (seconds, en, zh) in [
            (0, "just now", "刚刚"),
            (-3, "just now", "刚刚"),
            (61, "1 min ago", "1 分钟前"),
            (3599, "59 min ago", "59 分钟前"),
            (7300, "2 h ago", "2 小时前"),
            (86_400 * 29, "29 d ago", "29 天前"),
        ] {
            assert_eq!(ago(Lang::En, seconds), en);
            assert_eq!(ago(Lang::Zh, seconds), zh);
        }
    }
}
