//! How far a file of zstd frames is whole.

use std::io::{self, Read};

use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

/// The length of the whole frames that `file` begins with, in bytes. What
/// follows them was cut off while it was written.
///
/// # Errors
/// Whatever reading answers.
pub(super) fn whole(mut file: impl Read) -> io::Result<u64> {
    let mut decoder = Decoder::new()?;
    let mut input = vec![0; 128 << 10];
    let mut output = vec![0; 256 << 10];
    let mut read = 0;
    let mut whole = 0;
    loop {
        let filled = file.read(&mut input)?;
        if filled == 0 {
            return Ok(whole);
        }
        let mut source = InBuffer::around(&input[..filled]);
        loop {
            let mut sink = OutBuffer::around(output.as_mut_slice());
            let at_end = match decoder.run(&mut source, &mut sink) {
                Ok(hint) => hint == 0,
                // Not a frame: nothing after it can be read.
                Err(_) => return Ok(whole),
            };
            if at_end {
                whole = read + source.pos() as u64;
                decoder.reinit()?;
            }
            // A full sink may mean that there is more to come of this input.
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
    fn a_torn_frame_is_found() {
        let text: String = (0..100_000)
            .map(|n| format!("line {n} of many\n"))
            .collect();
        let one = zstd::encode_all(text.as_bytes(), 3).unwrap();
        let mut both = one.clone();
        both.extend(zstd::encode_all(&b"more"[..], 3).unwrap());
        let length = |bytes: &[u8]| usize::try_from(whole(bytes).unwrap()).unwrap();
        assert_eq!(length(&both), both.len());
        assert_eq!(length(&both[..both.len() - 1]), one.len());
        assert_eq!(length(&both[..one.len() - 1]), 0);
        assert_eq!(length(b""), 0);
        assert_eq!(length(b"no frame"), 0);
        let mut followed = both.clone();
        followed.extend(b"rubbish");
        assert_eq!(length(&followed), both.len());
    }
}
