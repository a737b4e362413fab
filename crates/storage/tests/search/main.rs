//! The search index over series, on both databases.

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

/// What a series says in one telling.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) series_id: i64,
    pub(crate) source: String,
    pub(crate) labels: Labels,
    pub(crate) message: String,
}

impl Told {
    pub(crate) fn is_wanted(&self, about: &AlertCriteria) -> bool {
        let facts = AlertFields {
            alertname: alertname(&self.labels).to_owned(),
            instance: label(&self.labels, "instance").to_owned(),
            severity: label(&self.labels, "severity").to_owned(),
            team: label(&self.labels, "team").to_owned(),
            message: self.message.clone(),
        };
        about.matches(&self.source, &self.labels, &facts)
    }
}

impl TestDb {
    /// Stores a series as ingest does, and puts it into the backlog.
    pub(crate) async fn tell(&self, told: &Told) {
        self.put_series(told.series_id, &told.source, &told.labels, &told.message)
            .await;
        self.wait_for(&[told.series_id], &[]).await;
    }

    /// Puts series and tellings into the backlog.
    pub(crate) async fn wait_for(&self, series: &[i64], tellings: &[i64]) {
        let tx = self.db.begin().await.unwrap();
        projection_queue::enqueue_alerts(&tx, series).await.unwrap();
        projection_queue::enqueue_contents(&tx, tellings)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Folds once, at most about so many documents.
    pub(crate) async fn fold(&self, documents: usize) -> usize {
        let tx = self.db.begin().await.unwrap();
        let folded = search::project(&tx, documents).await.unwrap();
        tx.commit().await.unwrap();
        folded
    }

    /// Folds all that waits.
    pub(crate) async fn fold_all(&self) {
        while self.fold(1_000).await > 0 {}
    }

    /// The series that the index names, where it names them.
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
