//! Making an object once, however often the request is sent
//! (`Idempotency-Key`), and changing only the version that was seen
//! (`If-Match`).

/// A request that may be sent again and must then make nothing new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// Who sends it: keys of different callers are different.
    pub caller: String,
    /// The hash of the key.
    pub key: [u8; 32],
    /// The hash of the request: the same key with another request is a mistake.
    pub request: [u8; 32],
}
