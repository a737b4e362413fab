//! What the senders last said of an alert, as it lies with its latest incident:
//! `[[sender, status, starts at, ends at, said at, late, incident, closed], …]`,
//! times in microseconds, `late` 0 or 1.

use tocsin_core::alert::Status;
use tocsin_core::judge::Memory;
use tocsin_core::time::Timestamp;

use crate::codes::Coded;

type Stored = (
    i64,
    i16,
    Option<i64>,
    Option<i64>,
    i64,
    i16,
    Option<i64>,
    Option<i64>,
);

/// Reads what was stored; `None` for what this program does not write.
pub(super) fn read(json: &str) -> Option<Vec<(i64, Memory)>> {
    if json == "[]" {
        return Some(Vec::new());
    }
    let stored: Vec<Stored> = serde_json::from_str(json).ok()?;
    let time = Timestamp::from_micros;
    stored
        .into_iter()
        .map(
            |(sender, status, starts, ends, said, late, episode, closed)| {
                let memory = Memory {
                    status: Status::from_code(status)?,
                    starts_at: starts.map(time),
                    ends_at: ends.map(time),
                    said_at: time(said),
                    late: late != 0,
                    episode,
                    closed,
                };
                Some((sender, memory))
            },
        )
        .collect()
}

/// What is stored for these memories.
pub(super) fn write(told: &[(i64, Memory)]) -> String {
    let micros = |time: Option<Timestamp>| time.map(Timestamp::as_micros);
    let mut json = Vec::with_capacity(told.len() * 96 + 2);
    json.push(b'[');
    for (at, (sender, memory)) in told.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        let stored: Stored = (
            *sender,
            memory.status.code(),
            micros(memory.starts_at),
            micros(memory.ends_at),
            memory.said_at.as_micros(),
            i16::from(memory.late),
            memory.episode,
            memory.closed,
        );
        // Numbers always make JSON, and a vector takes all of it.
        let _ = serde_json::to_writer(&mut json, &stored);
    }
    json.push(b']');
    String::from_utf8(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let time = Timestamp::from_micros;
        let memory = Memory {
            status: Status::Resolved,
            starts_at: Some(time(5)),
            ends_at: None,
            said_at: time(-7),
            late: true,
            episode: Some(3),
            closed: None,
        };
        let other = Memory {
            status: Status::Firing,
            late: false,
            closed: Some(9),
            ..memory
        };
        let told = vec![(1, memory), (i64::MAX, other)];
        assert_eq!(
            write(&told[..1]),
            "[[1,1,5,null,-7,1,3,null]]",
            "it lies in databases"
        );
        assert_eq!(read(&write(&told)), Some(told));
        assert_eq!(read("[]"), Some(Vec::new()));
        assert_eq!(read("[[1,7,5,null,-7,1,3,null]]"), None);
    }
}
