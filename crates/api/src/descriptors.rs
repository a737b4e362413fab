//! Limits the number of connections to the available file descriptors.
//!
//! Without a descriptor no connection can be accepted, no file opened and no database reached: a
//! client that only opens connections could stop the whole program. So the rest of the program
//! reserves its share, and surplus connections wait to be accepted.

use crate::config::Settings;

/// Maximum number of connections, however many descriptors there are: each takes some memory.
const MOST: u64 = 20_000;

/// Minimum number of connections, even if the limit on descriptors is lower.
const FEWEST: u64 = 16;

/// Descriptors for files, the log, mail, event loops and threads.
const OTHERS: u64 = 96;

/// A connection to SQLite opens the database, its log and its index.
const FILES_OF_A_CONNECTION: u64 = 3;

/// Raises the limit on descriptors as far as the system allows, and returns the number of
/// connections that fit.
pub(crate) fn connections(settings: &Settings) -> u64 {
    let limit = raise();
    let database = FILES_OF_A_CONNECTION * (u64::from(settings.max_connections) + 16);
    let connections = fitting(limit, database + OTHERS);
    if connections < 256 {
        tracing::warn!(
            descriptors = limit,
            connections,
            "the limit on open files allows few connections; raise it (LimitNOFILE, ulimit -n)"
        );
    }
    connections
}

fn fitting(limit: Option<u64>, kept: u64) -> u64 {
    limit.map_or(MOST, |limit| limit.saturating_sub(kept).clamp(FEWEST, MOST))
}

/// The limit, `None` if unlimited.
fn raise() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: maximum,
        maximum,
    };
    match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => maximum,
        Err(_) => current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        assert_eq!(fitting(None, 200), MOST);
        assert_eq!(fitting(Some(1_048_576), 200), MOST);
        assert_eq!(fitting(Some(1_024), 200), 824);
        assert_eq!(fitting(Some(256), 240), FEWEST);
        assert_eq!(fitting(Some(100), 240), FEWEST);
    }
}
