//! A mail, ready to be sent.

use chrono::{DateTime, Utc};

/// The envelope and the complete message.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingMail {
    /// Envelope sender, `local@domain`.
    pub from: String,
    /// Envelope recipient, `local@domain`.
    pub to: String,
    /// The decoded subject.
    pub subject: String,
    /// `Message-ID` without angle brackets.
    pub message_id: String,
    /// The `Date` of the message.
    pub date: DateTime<Utc>,
    /// The complete RFC 5322 message: ASCII unless an address is not, lines end with CR LF.
    pub message: Vec<u8>,
}

/// Omits the message: a mail in a log must not include its body.
impl std::fmt::Debug for OutgoingMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutgoingMail")
            .field("message_id", &self.message_id)
            .field("bytes", &self.message.len())
            .finish_non_exhaustive()
    }
}
