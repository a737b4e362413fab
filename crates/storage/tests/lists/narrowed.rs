//! How the databases go about what is read for somebody who sees only some
//! alerts.

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
    let seen = |text| Visibility::of(vec![matcher::parse(text).unwrap()]);
    // Of few series and of many: the search index knows only the first.
    for visibility in [seen("alertname=\"Disk\""), seen("team!=\"web\"")] {
        let filter = NotificationFilter::default();
        let page = PageRequest::first(ByCreation, Order::Desc, 50);
        notifications::list(db, &filter, &page, &visibility)
            .await
            .unwrap();
        notifications::get(db, 7, &visibility).await.unwrap();
        check(db.take(), "mails that may be seen");
        incidents::is_visible(db, 7, &visibility).await.unwrap();
        alert_log::of_delivery(db, 7, &visibility).await.unwrap();
        check(db.take(), "what may be seen");
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
            check(db.take(), "statistics of what may be seen");
        }
    }
}
