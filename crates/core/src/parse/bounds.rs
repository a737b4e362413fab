//! How much of an alert is kept: the rest is in the raw body.
//!
//! Alertmanager sends what a template makes, and a template can make megabytes. One such alert
//! would be on every page that lists it, in every mail and in every export.

use crate::alert::Labels;

/// The most bytes that one value keeps.
pub const MAX_VALUE: usize = 64 << 10;

/// The most bytes that the names and values of one alert keep, labels and annotations together.
pub const MAX_ALERT: usize = 256 << 10;

/// The least that values are cut to, so that what is left can still be read.
const SHORTEST: usize = 64;

/// The annotation that says how many others were left out.
pub const OMITTED: &str = "tocsin_omitted";

/// Cuts a text at [`MAX_VALUE`], marked.
pub(super) fn text(text: &mut String) {
    cut(text, MAX_VALUE);
}

/// Cuts values at [`MAX_VALUE`], then the longest of them until all fit into [`MAX_ALERT`]. What
/// does not fit even so, because there are too many, is left out, from the end of the
/// annotations first; an annotation [`OMITTED`] says so.
pub(super) fn alert(labels: &mut Labels, annotations: &mut Labels) {
    let total = size(labels) + size(annotations);
    // Nearly every alert. A value that is too long makes the total so.
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
    // Room for the note itself.
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

/// At most `most` bytes of `text`, the mark included.
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
    fn what_fits_stays_as_it_is() {
        for (count, length) in [(0, 0), (20, 100), (4, 60_000), (100, 2_500)] {
            let (mut labels, mut annotations) = (set(2, 10), set(count, length));
            let before = annotations.clone();
            alert(&mut labels, &mut annotations);
            assert_eq!(annotations, before, "{count} of {length}");
        }
    }

    #[test]
    fn long_values_are_cut_and_marked_and_short_ones_stay() {
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
    fn too_many_are_left_out_and_counted() {
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
    fn a_single_text_is_cut_at_a_character() {
        let mut long = "语".repeat(50_000);
        text(&mut long);
        assert!(long.len() <= MAX_VALUE);
        assert!(long.ends_with("语… [cut, 150000 bytes]"));
    }
}
