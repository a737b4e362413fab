//! Variable-length integers: seven bits a byte, lowest first; the high bit marks continuation.

use super::CorruptDelta;

pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Zigzag encoding, so that small numbers of either sign are short: 0, -1, 1, -2, ….
pub(super) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

pub(super) fn take(data: &mut &[u8]) -> Result<u64, CorruptDelta> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(data)?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(CorruptDelta)
}

pub(super) fn take_signed(data: &mut &[u8]) -> Result<i64, CorruptDelta> {
    let number = take(data)?;
    Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

pub(super) fn take_byte(data: &mut &[u8]) -> Result<u8, CorruptDelta> {
    let (byte, rest) = data.split_first().ok_or(CorruptDelta)?;
    *data = rest;
    Ok(*byte)
}

pub(super) fn take_slice<'a>(data: &mut &'a [u8], length: u64) -> Result<&'a [u8], CorruptDelta> {
    let length = usize::try_from(length).map_err(|_| CorruptDelta)?;
    let (slice, rest) = data.split_at_checked(length).ok_or(CorruptDelta)?;
    *data = rest;
    Ok(slice)
}
