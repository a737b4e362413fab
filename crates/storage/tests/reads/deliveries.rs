//! Deliveries and their raw bodies.

use tocsin_storage::deliveries::{self, ByArrival, DeliveryFilter, RejectedView};
use tocsin_storage::enums::DeliveryOutcome;
use tocsin_storage::{Order, PageRequest, TimeRange};

use crate::common::{TestDb, at};

crate::on_both!(deliveries_are_listed_and_filtered, raw_body_round_trips);

async fn put(test: &TestDb) {
    test.put_delivery(1, "eu", DeliveryOutcome::Accepted, at(10), 0)
        .await;
    test.put_delivery(2, "us", DeliveryOutcome::Refused, at(10), 0)
        .await;
    test.put_delivery(3, "eu", DeliveryOutcome::Accepted, at(5), 2)
        .await;
    test.put_delivery(4, "us", DeliveryOutcome::Accepted, at(20), 1)
        .await;
}

async fn deliveries_are_listed_and_filtered(test: &TestDb) {
    put(test).await;
    let all = DeliveryFilter::default();
    let refused = DeliveryFilter {
        outcome: Some(DeliveryOutcome::Refused),
        ..DeliveryFilter::default()
    };
    let unrouted = DeliveryFilter {
        unrouted: Some(true),
        ..DeliveryFilter::default()
    };
    let eu = DeliveryFilter {
        source: vec!["eu".to_owned()],
        ..DeliveryFilter::default()
    };
    let range = TimeRange {
        from: Some(at(5)),
        to: Some(at(20)),
    };
    let early = DeliveryFilter {
        received: range,
        ..DeliveryFilter::default()
    };
    for (filter, expected) in [
        (all, vec![4, 2, 1, 3]),
        (refused, vec![2]),
        (unrouted, vec![4, 3]),
        (eu, vec![1, 3]),
        (early, vec![2, 1, 3]),
    ] {
        let mut got = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = PageRequest::new(ByArrival, Order::Desc, 1, cursor.as_deref()).unwrap();
            let page = deliveries::list(&test.db, &filter, &page).await.unwrap();
            got.extend(page.items.iter().map(|delivery| delivery.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(got, expected, "{filter:?}");
    }
    let delivery = deliveries::get(&test.db, 3).await.unwrap().unwrap();
    let rejected = RejectedView {
        index: 1,
        reason: "no labels".to_owned(),
    };
    assert_eq!(delivery.rejected, [rejected]);
    assert_eq!((delivery.sender.as_str(), delivery.unrouted), ("", 2));
    assert_eq!(deliveries::get(&test.db, 5).await.unwrap(), None);
}

async fn raw_body_round_trips(test: &TestDb) {
    put(test).await;
    let body = b"{\"alerts\": [\x00\xff]}".to_vec();
    let compressed = zstd::encode_all(body.as_slice(), 3).unwrap();
    for (id, bytes) in [(1, compressed), (2, b"not zstd".to_vec())] {
        test.run(
            "INSERT INTO delivery_bodies (delivery_id, received_at, refused, body) \
             VALUES (?, 0, FALSE, ?)",
            vec![i64::from(id).into(), bytes.into()],
        )
        .await;
    }
    assert_eq!(deliveries::raw(&test.db, 1).await.unwrap(), Some(body));
    assert_eq!(deliveries::raw(&test.db, 3).await.unwrap(), None);
    let error = deliveries::raw(&test.db, 2).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "corrupt row: table delivery_bodies, column body, id 2"
    );
    assert!(
        deliveries::get(&test.db, 1)
            .await
            .unwrap()
            .unwrap()
            .raw_available
    );
    assert!(
        !deliveries::get(&test.db, 3)
            .await
            .unwrap()
            .unwrap()
            .raw_available
    );
}
