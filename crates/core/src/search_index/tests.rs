use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::term::{self, Value};
use super::{Block, Builder, CorruptIndex, Field, Merger, Step, block, postings};
use crate::search::fold;

#[derive(Clone, Debug)]
struct Document {
    number: u64,
    texts: Vec<String>,
    labels: BTreeMap<String, String>,
    overridden: bool,
}

type Naive = BTreeMap<Vec<u8>, BTreeSet<u64>>;

fn build(documents: &[Document]) -> Vec<Block> {
    let mut builder = Builder::default();
    for document in documents {
        builder.document(document.number);
        for text in &document.texts {
            builder.text(text);
        }
        for (name, value) in &document.labels {
            builder.label(name, value);
            builder.field(Field::Team, value);
        }
        if document.overridden {
            builder.overridden();
        }
    }
    builder.finish()
}

fn naive(documents: &[Document]) -> Naive {
    let mut all = Naive::new();
    for document in documents {
        let mut put = |term: Vec<u8>| {
            all.entry(term).or_default().insert(document.number);
        };
        for text in &document.texts {
            let text = text.replace('\0', "\u{FFFD}");
            for part in text.split(char::is_whitespace) {
                term::word(part).into_iter().for_each(&mut put);
                let single = part.chars().filter(|c| !c.is_ascii());
                single
                    .map(|c| term::word(&c.to_string()).remove(0))
                    .for_each(&mut put);
            }
        }
        for (name, value) in &document.labels {
            if !value.is_empty() {
                put(term::label(name, value));
                put(term::has_label(name));
            }
            put(term::field(Field::Team, value));
        }
        if document.overridden {
            put(term::overridden());
        }
    }
    all
}

fn numbers(data: &[u8]) -> BTreeSet<u64> {
    let runs = postings::runs(data).map(Result::unwrap);
    runs.flat_map(|(from, to)| from..to).collect()
}

fn read(blocks: &[Block]) -> Naive {
    let mut all = Naive::new();
    for block in blocks {
        let mut reader = block::Reader::new(&block.data);
        let mut first = true;
        while let Some((term, data)) = reader.next().unwrap() {
            assert!(term.len() <= term::MAX);
            assert!(!first || block.first_term == term);
            first = false;
            assert!(
                all.last_key_value()
                    .is_none_or(|(last, _)| last[..] < *term)
            );
            all.insert(term.to_vec(), numbers(data));
        }
    }
    all
}

fn look_up(blocks: &[Block], term: &[u8]) -> Option<BTreeSet<u64>> {
    let after = blocks.partition_point(|block| *block.first_term <= *term);
    let block = &blocks[after.checked_sub(1)?];
    block::find(&block.data, term).unwrap().map(numbers)
}

fn merge(segments: &[Vec<Block>]) -> Vec<Block> {
    merge_with(Merger::new(segments.len()), segments)
}

fn merge_with(mut merger: Merger, segments: &[Vec<Block>]) -> Vec<Block> {
    let mut next = vec![0; segments.len()];
    let mut merged = Vec::new();
    loop {
        match merger.step().unwrap() {
            Step::Need(segment) => {
                let blocks = segments[segment].iter().skip(next[segment]).take(2);
                let blocks = blocks.map(|block| block.data.clone()).collect();
                next[segment] += 2;
                merger.push_blocks(segment, blocks).unwrap();
            }
            Step::Block(block) => merged.push(block),
            Step::Done => return merged,
        }
    }
}

fn documents() -> impl Strategy<Value = Vec<Document>> {
    let text = prop_oneof!["[a-c \u{0}]{0,6}", "[内存磁盘 a\u{3000}😀]{0,6}", ".{0,8}"];
    let value = prop_oneof!["[a-c\u{0}]{0,3}", "[a内]{60,90}", Just("x".repeat(300))];
    let name = prop_oneof!["[a-c]{1,2}", "a{45,50}"];
    let document = (
        1..200_u64,
        prop::collection::vec(text.prop_map(|text| fold(&text)), 0..3),
        prop::collection::btree_map(name, value, 0..4),
        any::<bool>(),
    );
    let document = document.prop_map(|(number, texts, labels, overridden)| Document {
        number,
        texts,
        labels,
        overridden,
    });
    prop::collection::vec(document, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_segment_equals_a_plain_map(documents in documents()) {
        let blocks = build(&documents);
        let naive = naive(&documents);
        prop_assert_eq!(&read(&blocks), &naive);
        for (term, documents) in &naive {
            prop_assert_eq!(look_up(&blocks, term), Some(documents.clone()));
            for other in [[term.as_slice(), &[0]].concat(), term[..term.len() - 1].to_vec()] {
                prop_assert_eq!(look_up(&blocks, &other), naive.get(&other).cloned());
            }
        }
    }

    #[test]
    fn merged_segments_equal_one_segment(
        parts in prop::collection::vec(documents(), 0..5)
    ) {
        let segments: Vec<_> = parts.iter().map(|part| build(part)).collect();
        prop_assert_eq!(merge(&segments), build(&parts.concat()));
    }

    #[test]
    fn deleted_documents_are_dropped_by_a_merge(
        parts in prop::collection::vec(documents(), 1..4),
        live in prop::collection::btree_set(1..200_u64, 0..150),
    ) {
        let segments: Vec<_> = parts.iter().map(|part| build(part)).collect();
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for number in &live {
            match runs.last_mut() {
                Some((_, end)) if end == number => *end += 1,
                _ => runs.push((*number, number + 1)),
            }
        }
        let merged = merge_with(Merger::new(segments.len()).only(runs), &segments);
        let mut left = parts.concat();
        left.retain(|document| live.contains(&document.number));
        prop_assert_eq!(merged, build(&left));
    }

    #[test]
    fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = block::find(&bytes, b"term");
        let _ = postings::runs(&bytes).last();
        let mut merger = Merger::new(1);
        while let Ok(Step::Need(_)) = merger.step() {
            if merger.push_blocks(0, vec![bytes.clone()]).is_err() || bytes.is_empty() {
                break;
            }
        }
        let mut reader = block::Reader::new(&bytes);
        while let Ok(Some(_)) = reader.next() {}
    }

    #[test]
    fn a_substring_has_only_terms_of_the_string(
        before in ".{0,9}", word in "[^\\s\u{0}]{1,9}", after in ".{0,9}"
    ) {
        let word = fold(&word);
        let mut builder = Builder::default();
        builder.document(7);
        builder.text(&fold(&format!("{before}{word}{after}")));
        let blocks = builder.finish();
        for term in term::word(&word) {
            prop_assert!(look_up(&blocks, &term).is_some());
        }
    }
}

#[test]
fn a_single_ascii_character_has_no_terms() {
    assert!(term::word("a").is_empty());
    assert!(term::word("").is_empty());
    assert_eq!(term::word("内"), ["\u{2}内".as_bytes()]);
    assert_eq!(term::word("aaaa"), [b"\x01aa"]);
}

#[test]
fn a_label_term_round_trips() {
    let long = "内".repeat(100);
    for (name, value) in [("a", "b"), (&long, "b"), ("a", "")] {
        let term = term::label(name, value);
        let rest = term.strip_prefix(&term::label_prefix(name)[..]).unwrap();
        assert_eq!(term::value(rest), Some(Value::Whole(value)));
    }
    let term = term::label("a", &long);
    let rest = term.strip_prefix(&term::label_prefix("a")[..]).unwrap();
    assert!(matches!(term::value(rest), Some(Value::Cut(cut)) if long.starts_with(cut)));
    assert_ne!(term, term::label("a", &format!("{long}!")));
    assert_ne!(
        term::label_prefix(&long),
        term::label_prefix(&format!("{long}!"))
    );
}

#[test]
fn a_term_of_all_documents_is_small() {
    let mut builder = Builder::default();
    for number in 1..=10_000 {
        builder.document(number);
        builder.field(Field::Source, "alertmanager");
    }
    let blocks = builder.finish();
    assert_eq!(blocks.len(), 1);
    assert!(blocks[0].data.len() < 30);
    assert_eq!(block::find(&[1, 1, 97, 0], b"a"), Ok(None));
    assert_eq!(block::find(&[0, 9, 97], b"a"), Err(CorruptIndex));
}

#[test]
#[ignore = "a measurement: cargo nextest run --release --run-ignored only --no-capture"]
fn time_per_document() {
    const DOCUMENTS: u64 = 8_192;
    let start = std::time::Instant::now();
    let mut builder = Builder::default();
    for number in 1..=DOCUMENTS {
        builder.document(number);
        let instance = format!("host-{number:06}.example.org:9100");
        builder.text("diskwillfillin4hours");
        builder.text(&instance);
        builder.text(&format!(
            "filesystem /var on host-{number:06} has only {}.{}% left, 磁盘空间不足",
            number % 97,
            number % 13
        ));
        for (name, value) in [
            ("alertname", "DiskWillFillIn4Hours"),
            ("instance", instance.as_str()),
            (
                "severity",
                ["warning", "critical", "info"][number as usize % 3],
            ),
            ("team", ["storage", "web", "db", "net"][number as usize % 4]),
            ("job", "node"),
            ("device", "/dev/sda1"),
            ("fstype", "ext4"),
            ("mountpoint", "/var"),
            ("cluster", ["a", "b"][number as usize % 2]),
            (
                "serial",
                &format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            ),
        ] {
            builder.label(name, value);
        }
        for field in [
            Field::Source,
            Field::Alertname,
            Field::Severity,
            Field::Team,
        ] {
            builder.field(field, "alertmanager");
        }
        builder.field(Field::Instance, &instance);
    }
    let collected = start.elapsed();
    let blocks = builder.finish();
    let bytes: usize = blocks.iter().map(|block| block.data.len()).sum();
    println!(
        "{:?} and {:?} a document; {} bytes each, {} blocks",
        collected / DOCUMENTS as u32,
        (start.elapsed() - collected) / DOCUMENTS as u32,
        bytes as u64 / DOCUMENTS,
        blocks.len()
    );
}
