//! What the senders last said of an alert, as it lies with its latest incident:
//! `[[sender, status, starts at, ends at, said at, late, incident, closed], …]`,
//! times in microseconds, `late` 0 or 1.

use tocsin_core::alert::Status;
use tocsin_core::lifecycle::SenderState;
use tocsin_core::time::Timestamp;

use crate::enums::Coded;

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
pub(super) fn read(json: &str) -> Option<Vec<(i64, SenderState)>> {
    if json == "[]" {
        return Some(Vec::new());
    }
    let stored: Vec<Stored> = serde_json::from_str(json).ok()?;
    let time = Timestamp::from_micros;
    stored
        .into_iter()
        .map(
            |(sender, status, starts, ends, said, late, episode, closed)| {
                let memory = SenderState {
                    status: Status::from_code(status)?,
                    starts_at: starts.map(time),
                    ends_at: ends.map(time),
                    received_at: time(said),
                    out_of_order: late != 0,
                    incident: episode,
                    closed,
                };
                Some((sender, memory))
            },
        )
        .collect()
}

/// What is stored for these memories.
pub(super) fn write(told: &[(i64, SenderState)]) -> String {
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
            memory.received_at.as_micros(),
            i16::from(memory.out_of_order),
            memory.incident,
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
        let memory = SenderState {
            status: Status::Resolved,
            starts_at: Some(time(5)),
            ends_at: None,
            received_at: time(-7),
            out_of_order: true,
            incident: Some(3),
            closed: None,
        };
        let other = SenderState {
            status: Status::Firing,
            out_of_order: false,
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
