//! Size limits for one alert; the raw body keeps the rest.
//!
//! Templates can produce megabytes of text. Such an alert would be on every page that lists it, in
//! every notification and in every export.

use crate::alert::Labels;

/// Maximum size of one value in bytes.
pub const MAX_VALUE: usize = 64 << 10;

/// Maximum size of all names and values of one alert in bytes, labels and annotations together.
pub const MAX_ALERT: usize = 256 << 10;

/// Minimum size that values are truncated to, so that they stay readable.
const SHORTEST: usize = 64;

/// Name of the annotation with the number of omitted labels and annotations.
pub const OMITTED: &str = "tocsin_omitted";

/// Truncates a string to [`MAX_VALUE`], with a mark.
pub(super) fn text(text: &mut String) {
    cut(text, MAX_VALUE);
}

/// Truncates values to [`MAX_VALUE`], then the longest ones until all fit into [`MAX_ALERT`]. If
/// there are still too many, they are dropped, from the end of the annotations first; the
/// annotation [`OMITTED`] counts them.
pub(super) fn alert(labels: &mut Labels, annotations: &mut Labels) {
    let total = size(labels) + size(annotations);
    // Nearly every alert. A value that is too long makes the total too large.
    if total <= MAX_VALUE {
        return;
    }
    let with_values_of = |longest: usize| -> usize {
        let all = labels.iter().chain(annotations.iter());
        all.map(|(name, value)| name.len() + value.len().min(longest))
            .sum()
    };
    let mut longest = MAX_VALUE;
    while longest > SHORTEST && with_values_of(longest) > MAX_ALERT {
        longest /= 2;
    }
    for value in labels.values_mut().chain(annotations.values_mut()) {
        cut(value, longest);
    }
    if size(labels) + size(annotations) <= MAX_ALERT {
        return;
    }
    // Reserves room for the note itself.
    let most = MAX_ALERT - 1_024;
    let mut left = size(labels) + size(annotations);
    let before = (labels.len(), annotations.len());
    for set in [&mut *annotations, &mut *labels] {
        while left > most {
            let Some((name, value)) = set.pop_last() else {
                break;
            };
            left -= name.len() + value.len();
        }
    }
    let note = format!(
        "{} labels and {} annotations were left out, because the alert has more than {} KiB. \
         The payload has them.",
        before.0 - labels.len(),
        before.1 - annotations.len(),
        MAX_ALERT >> 10
    );
    annotations.insert(OMITTED.to_owned(), note);
}

fn size(set: &Labels) -> usize {
    set.iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}

/// Truncates `text` to at most `most` bytes, including the mark.
fn cut(text: &mut String, most: usize) {
    if text.len() <= most {
        return;
    }
    let mark = format!("… [cut, {} bytes]", text.len());
    let mut end = most.saturating_sub(mark.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push_str(&mark);
    text.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(count: usize, length: usize) -> Labels {
        let value = "é".repeat(length / 2);
        (0..count)
            .map(|n| (format!("name_{n:06}"), value.clone()))
            .collect()
    }

    #[test]
    fn alerts_within_the_limits_are_unchanged() {
        for (count, length) in [(0, 0), (20, 100), (4, 60_000), (100, 2_500)] {
            let (mut labels, mut annotations) = (set(2, 10), set(count, length));
            let before = annotations.clone();
            alert(&mut labels, &mut annotations);
            assert_eq!(annotations, before, "{count} of {length}");
        }
    }

    #[test]
    fn long_values_are_truncated_and_marked() {
        let mut labels = set(3, 20);
        let mut annotations = set(15, 5_000_000);
        annotations.insert("summary".to_owned(), "Disk is full".to_owned());
        alert(&mut labels, &mut annotations);
        assert_eq!(labels, set(3, 20));
        assert_eq!(annotations["summary"], "Disk is full");
        let cut = &annotations["name_000000"];
        assert!(
            cut.ends_with("é… [cut, 5000000 bytes]"),
            "{}",
            &cut[cut.len() - 40..]
        );
        assert!(size(&labels) + size(&annotations) <= MAX_ALERT);
        assert!(cut.len() > 8_000, "no shorter than needed: {}", cut.len());
        assert_eq!(annotations.len(), 16);
    }

    #[test]
    fn entries_over_the_limit_are_omitted_and_counted() {
        let mut labels = set(3, 20);
        let mut annotations = set(99_999, 20);
        alert(&mut labels, &mut annotations);
        assert_eq!(labels.len(), 3);
        assert!(size(&labels) + size(&annotations) <= MAX_ALERT);
        let kept = annotations.len() - 1;
        let note = format!("0 labels and {} annotations", 99_999 - kept);
        assert!(
            annotations[OMITTED].starts_with(&note),
            "{}",
            annotations[OMITTED]
        );
        let mut labels = set(99_999, 20);
        let mut annotations = set(5, 20);
        alert(&mut labels, &mut annotations);
        assert_eq!(annotations.len(), 1);
        assert!(labels.contains_key("name_000000"));
        assert!(size(&labels) + size(&annotations) <= MAX_ALERT);
    }

    #[test]
    fn a_value_is_truncated_at_a_character_boundary() {
        let mut long = "语".repeat(50_000);
        text(&mut long);
        assert!(long.len() <= MAX_VALUE);
        assert!(long.ends_with("语… [cut, 150000 bytes]"));
    }
}
