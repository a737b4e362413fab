//! Sender states of an alert, stored with its latest incident: `[[sender, status, starts
//! at, ends at, received at, out of order, incident, closed], …]`, times in microseconds,
//! `out of order` 0 or 1.

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

/// Parses a stored value; `None` for anything this program does not write.
pub(super) fn read(json: &str) -> Option<Vec<(i64, SenderState)>> {
    if json == "[]" {
        return Some(Vec::new());
    }
    let stored: Vec<Stored> = serde_json::from_str(json).ok()?;
    let time = Timestamp::from_micros;
    stored
        .into_iter()
        .map(
            |(sender, status, starts, ends, received, late, incident, closed)| {
                let state = SenderState {
                    status: Status::from_code(status)?,
                    starts_at: starts.map(time),
                    ends_at: ends.map(time),
                    received_at: time(received),
                    out_of_order: late != 0,
                    incident,
                    closed,
                };
                Some((sender, state))
            },
        )
        .collect()
}

/// The stored form of these states.
pub(super) fn write(states: &[(i64, SenderState)]) -> String {
    let micros = |time: Option<Timestamp>| time.map(Timestamp::as_micros);
    let mut json = Vec::with_capacity(states.len() * 96 + 2);
    json.push(b'[');
    for (at, (sender, state)) in states.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        let stored: Stored = (
            *sender,
            state.status.code(),
            micros(state.starts_at),
            micros(state.ends_at),
            state.received_at.as_micros(),
            i16::from(state.out_of_order),
            state.incident,
            state.closed,
        );
        // Integers always serialize, and writing to a vector cannot fail.
        let _ = serde_json::to_writer(&mut json, &stored);
    }
    json.push(b']');
    String::from_utf8(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sender_states_round_trip() {
        let time = Timestamp::from_micros;
        let state = SenderState {
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
            ..state
        };
        let states = vec![(1, state), (i64::MAX, other)];
        assert_eq!(
            write(&states[..1]),
            "[[1,1,5,null,-7,1,3,null]]",
            "existing databases contain this form"
        );
        assert_eq!(read(&write(&states)), Some(states));
        assert_eq!(read("[]"), Some(Vec::new()));
        assert_eq!(read("[[1,7,5,null,-7,1,3,null]]"), None);
    }
}
