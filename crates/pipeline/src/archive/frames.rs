//! Finds the end of the last complete frame of a zstd file.

use std::io::{self, Read};

use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

/// Returns the length in bytes of the complete frames at the start of `file`. The rest
/// was truncated while it was written.
///
/// # Errors
/// Errors of reading the file.
pub(super) fn complete_length(mut file: impl Read) -> io::Result<u64> {
    let mut decoder = Decoder::new()?;
    let mut input = vec![0; 128 << 10];
    let mut output = vec![0; 256 << 10];
    let mut read = 0;
    let mut complete = 0;
    loop {
        let filled = file.read(&mut input)?;
        if filled == 0 {
            return Ok(complete);
        }
        let mut source = InBuffer::around(&input[..filled]);
        loop {
            let mut sink = OutBuffer::around(output.as_mut_slice());
            let at_end = match decoder.run(&mut source, &mut sink) {
                Ok(hint) => hint == 0,
                // Not a frame: the rest cannot be decoded.
                Err(_) => return Ok(complete),
            };
            if at_end {
                complete = read + source.pos() as u64;
                decoder.reinit()?;
            }
            // If the sink is full, this input may have more output.
            let is_full = sink.pos() == sink.capacity();
            if source.pos() == filled && (at_end || !is_full) {
                break;
            }
        }
        read += filled as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncated_frame_is_detected() {
        let content: String = (0..100_000)
            .map(|n| format!("line {n} of many\n"))
            .collect();
        let one = zstd::encode_all(content.as_bytes(), 3).unwrap();
        let mut both = one.clone();
        both.extend(zstd::encode_all(&b"more"[..], 3).unwrap());
        let length = |bytes: &[u8]| usize::try_from(complete_length(bytes).unwrap()).unwrap();
        assert_eq!(length(&both), both.len());
        assert_eq!(length(&both[..both.len() - 1]), one.len());
        assert_eq!(length(&both[..one.len() - 1]), 0);
        assert_eq!(length(b""), 0);
        assert_eq!(length(b"no frame"), 0);
        let mut followed = both.clone();
        followed.extend(b"garbage");
        assert_eq!(length(&followed), both.len());
    }
}
