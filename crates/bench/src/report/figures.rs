//! What is measured, as it is handed over.

use std::{collections::BTreeMap, time::Duration};

use crate::{database::Kind, load::Outcome};

/// What took a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Bare,
    Alertmanager,
    Tocsin(Kind),
}

impl Who {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare handler",
            Self::Alertmanager => "Alertmanager",
            Self::Tocsin(kind) => kind.name(),
        }
    }
}

/// What came of one cell for one of them.
#[derive(Clone, Debug)]
pub(crate) struct IngestCell {
    pub(crate) outcome: Outcome,
    /// Median of 4 KiB written and synced, just before, in microseconds.
    pub(crate) sync_us: f64,
    /// Of all processes concerned, for each alert, under load and afterwards.
    pub(crate) cpu_us: f64,
    pub(crate) cpu_after_us: f64,
    /// The share of the machine that neither side took.
    pub(crate) other_cpu: f64,
    /// Highest resident memory, in bytes.
    pub(crate) peak: u64,
    /// Alerts in all, the warm-up included.
    pub(crate) sent: u64,
    /// On disk for each alert sent: everything but raw bodies, and those.
    pub(crate) bytes: Option<(f64, f64)>,
}

/// Answers' times by what was asked.
#[derive(Debug, Default)]
pub(crate) struct Times {
    pub(super) all: Vec<f32>,
    pub(super) by_path: BTreeMap<String, f32>,
    pub(super) failed: BTreeMap<String, u16>,
}

impl Times {
    pub(crate) fn add(&mut self, path: &str, time: Duration) {
        let millis = time.as_secs_f32() * 1e3;
        self.all.push(millis);
        let worst = self.by_path.entry(path.to_owned()).or_default();
        *worst = worst.max(millis);
    }

    pub(crate) fn fail(&mut self, path: &str, status: u16) {
        self.failed.insert(path.to_owned(), status);
    }
}

/// One export.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    pub(crate) what: String,
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    pub(crate) peak: u64,
}

/// Memory and start with the history.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pub(crate) start: Duration,
    pub(crate) idle: u64,
    pub(crate) exports: Vec<Export>,
}
