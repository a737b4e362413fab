//! What the program tells Prometheus.

use std::collections::BTreeMap;

use crate::Tocsin;

/// One scrape.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// The whole text.
    pub text: String,
    samples: BTreeMap<String, f64>,
}

impl Tocsin {
    /// Scrapes the program.
    pub async fn metrics(&self) -> Metrics {
        Metrics::parse(self.look("/metrics").await.expect(200).text())
    }
}

impl Metrics {
    /// Reads the OpenMetrics text format.
    ///
    /// # Panics
    /// It is not that.
    #[must_use]
    pub fn parse(text: String) -> Self {
        assert!(
            text.ends_with("# EOF\n"),
            "no end of the exposition:\n{text}"
        );
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line
                .rsplit_once(' ')
                .unwrap_or_else(|| panic!("a sample: {line}"));
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("a number: {line}"));
            let old = samples.insert(series.to_owned(), value);
            assert!(old.is_none(), "{series} is there twice");
        }
        Self { text, samples }
    }

    /// The sum of all series of that name whose labels include these, written
    /// `name="value"`. Series that are not there count as 0.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let matching = self.samples.iter().filter(|(series, _)| {
            let (own, rest) = series.split_once('{').unwrap_or((series, ""));
            own == name && labels.iter().all(|label| rest.contains(label))
        });
        matching.map(|(_, value)| value).sum()
    }

    /// Whether there is a series of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.samples
            .keys()
            .any(|series| series.split('{').next() == Some(name))
    }
}
