//! The search index over alerts, on both databases.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed, and says where"
)]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "shared with tests that need more of it")]
mod common;

mod fold;
mod found;
mod speed;

use tocsin_core::alert::{AlertFields, Labels};
use tocsin_storage::{AlertCriteria, projection_queue, search};

use common::TestDb;
use common::rows::{alertname, label};

/// One content of an alert.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) alert_id: i64,
    pub(crate) source: String,
    pub(crate) labels: Labels,
    pub(crate) message: String,
}

impl Content {
    pub(crate) fn matches(&self, about: &AlertCriteria) -> bool {
        let fields = AlertFields {
            alertname: alertname(&self.labels).to_owned(),
            instance: label(&self.labels, "instance").to_owned(),
            severity: label(&self.labels, "severity").to_owned(),
            team: label(&self.labels, "team").to_owned(),
            message: self.message.clone(),
        };
        about.matches(&self.source, &self.labels, &fields)
    }
}

impl TestDb {
    /// Stores an alert as ingest does, and queues it for the index.
    pub(crate) async fn add_alert(&self, content: &Content) {
        self.put_alert(
            content.alert_id,
            &content.source,
            &content.labels,
            &content.message,
        )
        .await;
        self.enqueue(&[content.alert_id], &[]).await;
    }

    /// Queues alerts and contents for the index.
    pub(crate) async fn enqueue(&self, alert_ids: &[i64], content_ids: &[i64]) {
        let tx = self.db.begin().await.unwrap();
        projection_queue::enqueue_alerts(&tx, alert_ids)
            .await
            .unwrap();
        projection_queue::enqueue_contents(&tx, content_ids)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Indexes about `documents` queued documents as one segment.
    pub(crate) async fn project(&self, documents: usize) -> usize {
        let tx = self.db.begin().await.unwrap();
        let projected = search::project(&tx, documents).await.unwrap();
        tx.commit().await.unwrap();
        projected
    }

    /// Indexes everything that is queued.
    pub(crate) async fn project_all(&self) {
        while self.project(1_000).await > 0 {}
    }

    /// The alerts that the index lists, if it lists them.
    pub(crate) async fn find(&self, about: &AlertCriteria) -> Option<Vec<i64>> {
        let set = search::alert_set(&self.db, about).await.unwrap();
        set.few(usize::MAX)
    }

    pub(crate) async fn find_words(&self, words: &str) -> Option<Vec<i64>> {
        self.find(&words_of(words)).await
    }

    pub(crate) async fn segments(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM search_segments", vec![])
            .await
    }
}

pub(crate) fn words_of(words: &str) -> AlertCriteria {
    AlertCriteria {
        words: tocsin_core::search::words(words).unwrap(),
        ..AlertCriteria::default()
    }
}

pub(crate) fn matching(matchers: &str) -> AlertCriteria {
    AlertCriteria {
        matchers: tocsin_core::matcher::parse_list(matchers).unwrap(),
        ..AlertCriteria::default()
    }
}
