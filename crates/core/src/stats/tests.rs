use proptest::prelude::*;

use super::*;

const WEB: StatsKey<'static> = StatsKey {
    source: "eu",
    severity: "critical",
    team: "web",
    alertname: "Down",
    instance: "web-1",
};

fn at(hour: i64) -> Timestamp {
    Timestamp::from_micros(hour * HOUR + 5)
}

fn of(delta: &Delta, hour: i64, dimension: Dimension) -> Vec<(&str, Counts)> {
    let mut values: Vec<_> = delta
        .values(hour, dimension)
        .map(|(value, counts)| (value, *counts))
        .collect();
    values.sort_unstable_by_key(|(value, _)| *value);
    values
}

#[test]
fn an_entry_counts_in_every_dimension_and_a_delivery_in_its_source() {
    let mut delta = Delta::default();
    assert!(delta.is_empty());
    delta.delivery(at(7), "eu");
    delta.entry(at(7), &WEB, Status::Firing);
    delta.opened(at(7), &WEB);
    delta.entry(at(8), &WEB, Status::Resolved);
    delta.ended(at(8), &WEB);
    assert!(!delta.is_empty());
    assert_eq!(delta.hours().collect::<Vec<_>>(), [7, 8]);
    let began = Counts {
        firing: 1,
        opened: 1,
        ..Counts::default()
    };
    assert_eq!(
        of(&delta, 7, Dimension::Source),
        [(
            "eu",
            Counts {
                deliveries: 1,
                ..began
            }
        )]
    );
    let ended = Counts {
        resolved: 1,
        ended: 1,
        ..Counts::default()
    };
    for (dimension, value) in Dimension::ALL.into_iter().zip(WEB.values()).skip(1) {
        assert_eq!(of(&delta, 7, dimension), [(value, began)]);
        assert_eq!(of(&delta, 8, dimension), [(value, ended)]);
    }
    assert_eq!(of(&delta, 9, Dimension::Team), []);
}

#[test]
fn a_time_before_the_epoch_is_in_the_hour_before_it() {
    assert_eq!(hour_of(Timestamp::from_micros(-1)), -1);
    assert_eq!(hour_of(Timestamp::from_micros(0)), 0);
}

#[test]
fn an_encoded_batch_is_small() {
    let mut delta = Delta::default();
    for host in 0..500 {
        let instance = format!("host-{host:03}:9100");
        let of = StatsKey {
            instance: &instance,
            ..WEB
        };
        for _ in 0..2 {
            delta.entry(at(500_000), &of, Status::Firing);
        }
    }
    let bytes = delta.encode().len();
    assert!(bytes < 500 * 12, "{bytes}");
}

fn some() -> impl Strategy<Value = Delta> {
    let one = (
        -3i64..3,
        0usize..5,
        "[ab\u{e9}]{0,3}",
        0u64..3,
        any::<u64>(),
    );
    prop::collection::vec(one, 0..20).prop_map(|all| {
        let mut delta = Delta::default();
        for (hour, dimension, value, firing, ended) in all {
            let counts = Counts {
                firing,
                ended,
                ..Counts::default()
            };
            delta.add(hour, Dimension::ALL[dimension], &value, &counts);
        }
        delta
    })
}

proptest! {
    #[test]
    fn a_delta_round_trips(delta in some()) {
        let data = delta.encode();
        prop_assert_eq!(Delta::decode(&data), Ok(delta));
        for end in 0..data.len() {
            prop_assert_eq!(Delta::decode(&data[..end]), Err(CorruptDelta));
        }
    }

    #[test]
    fn addition_is_commutative(one in some(), other in some()) {
        let mut there = one.clone();
        there.merge(other.clone());
        let mut back = other;
        back.merge(one);
        prop_assert_eq!(there.encode(), back.encode());
        prop_assert_eq!(there, back);
    }

    #[test]
    fn a_list_round_trips(values in prop::collection::btree_map("[ab]{0,4}", 1u64..9, 0..9)) {
        let mut list = List::default();
        for (value, resolved) in &values {
            list.add(value.as_bytes(), &Counts { resolved: *resolved, ..Counts::default() });
        }
        let mut twice = list.clone();
        twice.add_encoded(&list.encode()).unwrap();
        let read: Vec<_> = twice.iter().map(|(_, counts)| counts.resolved).collect();
        prop_assert_eq!(read.iter().sum::<u64>(), values.values().sum::<u64>() * 2);
        prop_assert_eq!(twice.iter().count(), values.len());
    }

    #[test]
    fn merged_lists_equal_one_list(all in prop::collection::vec(
        prop::collection::vec(("[ab]{0,4}", 1u64..9), 0..9), 0..5)
    ) {
        let mut sum = List::default();
        let mut encoded = Vec::new();
        for values in &all {
            let mut list = List::default();
            for (value, firing) in values {
                let counts = Counts { firing: *firing, ..Counts::default() };
                list.add(value.as_bytes(), &counts);
                sum.add(value.as_bytes(), &counts);
            }
            encoded.push(list.encode());
        }
        let encoded: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(list::merge(&encoded), Ok(sum.encode()));
    }

    #[test]
    fn decoding_never_panics(data in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = Delta::decode(&data);
        let _ = List::default().add_encoded(&data);
        let _ = list::merge(&[&data, &data]);
    }
}
