//! Comparison of the statistics with the alert log.

use chrono::{SecondsFormat, TimeDelta};
use tocsin_api_types::{Summary, Timeline, Top};

use crate::{Tocsin, now};

impl Tocsin {
    /// Asserts that the statistics added up at ingest equal those computed from the
    /// log. A range that ends within an hour is computed from the log.
    ///
    /// # Panics
    /// If they differ.
    pub async fn assert_stats_match_log(&self) {
        let to = (now() + TimeDelta::seconds(30)).to_rfc3339_opts(SecondsFormat::Micros, true);
        let summary = async |range: &str| {
            let path = format!("/api/v1/stats/summary{range}");
            let mut summary: Summary = self.get(&path).await;
            summary.to = None;
            summary
        };
        let from_log = summary(&format!("?to={to}")).await;
        assert_eq!(summary("").await, from_log);
        for by in ["alertname", "instance", "team"] {
            let path = format!("/api/v1/stats/top?limit=100&by={by}");
            let added_up: Top = self.get(&path).await;
            assert_eq!(added_up, self.get::<Top>(&format!("{path}&to={to}")).await);
        }
        let path = "/api/v1/stats/timeline?bucket=hour";
        let added_up: Timeline = self.get(path).await;
        let from_log: Timeline = self.get(&format!("{path}&to={to}")).await;
        assert_eq!(added_up, from_log);
    }
}
