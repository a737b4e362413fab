//! The program's metrics.

use std::collections::BTreeMap;

use crate::Tocsin;

/// One scrape.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// The whole response body.
    pub text: String,
    samples: BTreeMap<String, f64>,
}

impl Tocsin {
    /// Scrapes the program.
    pub async fn metrics(&self) -> Metrics {
        Metrics::parse(self.get_reply("/metrics").await.expect(200).text())
    }
}

impl Metrics {
    /// Parses the OpenMetrics text format.
    ///
    /// # Panics
    /// If the text is not valid.
    #[must_use]
    pub fn parse(text: String) -> Self {
        assert!(text.ends_with("# EOF\n"), "no EOF marker:\n{text}");
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line
                .rsplit_once(' ')
                .unwrap_or_else(|| panic!("a sample: {line}"));
            let value: f64 = value
                .parse()
                .unwrap_or_else(|_| panic!("not a number: {line}"));
            let old = samples.insert(series.to_owned(), value);
            assert!(old.is_none(), "duplicate series {series}");
        }
        Self { text, samples }
    }

    /// The sum of all series with this name and these labels, written `name="value"`.
    /// Missing series count as 0.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let matching = self.samples.iter().filter(|(series, _)| {
            let (series_name, rest) = series.split_once('{').unwrap_or((series, ""));
            series_name == name && labels.iter().all(|label| rest.contains(label))
        });
        matching.map(|(_, value)| value).sum()
    }

    /// Whether there is a series with this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.samples
            .keys()
            .any(|series| series.split('{').next() == Some(name))
    }
}
