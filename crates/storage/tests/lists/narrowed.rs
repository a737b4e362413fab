//! Query plans of reads with restricted visibility.

use std::time::Duration;

use tocsin_core::matcher;
use tocsin_core::visibility::Visibility;
use tocsin_storage::explain::Explained;
use tocsin_storage::notifications::{self, ByCreation, NotificationFilter};
use tocsin_storage::stats::{self, Bucket, TopBy};
use tocsin_storage::{Order, PageRequest, TimeRange, alert_log, incidents};

use crate::common::at;
use crate::plans::check;

pub(crate) async fn narrowed(db: &Explained) {
    let visible = |text| Visibility::of(vec![matcher::parse(text).unwrap()]);
    // Few alerts, and many: the search index helps only with the first.
    for visibility in [visible("alertname=\"Disk\""), visible("team!=\"web\"")] {
        let filter = NotificationFilter::default();
        let page = PageRequest::first(ByCreation, Order::Desc, 50);
        notifications::list(db, &filter, &page, &visibility)
            .await
            .unwrap();
        notifications::get(db, 7, &visibility).await.unwrap();
        check(db.take(), "visible notifications");
        incidents::is_visible(db, 7, &visibility).await.unwrap();
        alert_log::of_delivery(db, 7, &visibility).await.unwrap();
        check(db.take(), "visible incident and entries");
        let (now, hour) = (at(40_000), Duration::from_secs(3_600));
        // More than a chunk each.
        for (from, to) in [(10, Some(6_010)), (114_000, None)] {
            let range = TimeRange {
                from: Some(at(from)),
                to: to.map(at),
            };
            stats::summary(db, &visibility, range, now, hour)
                .await
                .unwrap();
            stats::top(db, &visibility, TopBy::Team, range, 10)
                .await
                .unwrap();
            stats::timeline(db, &visibility, Bucket::Day, range)
                .await
                .unwrap();
            stats::heatmap(db, &visibility, range, |_| 0).await.unwrap();
            check(db.take(), "statistics of visible alerts");
        }
    }
}
