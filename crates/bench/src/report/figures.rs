//! Types of the results.

use std::{collections::BTreeMap, time::Duration};

use crate::{database::Kind, load::Outcome};

/// A system under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Bare,
    Alertmanager,
    Tocsin(Kind),
}

impl System {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare handler",
            Self::Alertmanager => "Alertmanager",
            Self::Tocsin(kind) => kind.name(),
        }
    }
}

/// Result of one system in one ingest measurement.
#[derive(Clone, Debug)]
pub(crate) struct IngestCell {
    pub(crate) outcome: Outcome,
    /// Median time to write and sync 4 KiB before the measurement, in microseconds.
    pub(crate) sync_us: f64,
    /// CPU time per alert in microseconds, during the load and afterwards.
    pub(crate) cpu_us: f64,
    pub(crate) cpu_after_us: f64,
    /// Share of the machine's CPU time used by other processes.
    pub(crate) other_cpu: f64,
    /// Peak resident memory in bytes.
    pub(crate) peak: u64,
    /// Total number of alerts, including the warm-up.
    pub(crate) sent: u64,
    /// Disk usage per alert in bytes: all tables except raw bodies, and raw bodies.
    pub(crate) bytes: Option<(f64, f64)>,
}

/// Response times by path.
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

/// Result of an export.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    pub(crate) name: String,
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    pub(crate) peak: u64,
}

/// Startup time and memory with the history.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pub(crate) start: Duration,
    pub(crate) idle: u64,
    pub(crate) exports: Vec<Export>,
}
