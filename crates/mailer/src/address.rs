//! Mail addresses.

use serde::{Deserialize, Serialize};

/// A display name and a mail address.
///
/// Plain data, because it is read from stored rows; [`Address::check`] validates user input.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// Display name; may be empty.
    pub name: String,
    /// `local@domain`.
    pub email: String,
}

/// An invalid mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid e-mail address: {reason}")]
pub struct InvalidAddress {
    reason: String,
}

impl Address {
    /// Combines name and address, without validation.
    pub fn new(name: impl Into<String>, email: impl Into<String>) -> Address {
        Address {
            name: name.into(),
            email: email.into(),
        }
    }

    /// Validates the form of the address.
    ///
    /// # Errors
    ///
    /// [`InvalidAddress`] describes the error. Whether the mailbox exists, only the mail server
    /// knows.
    pub fn check(&self) -> Result<(), InvalidAddress> {
        parse(&self.email).map(drop)
    }
}

/// Parses `local@domain`, and encodes an international domain as DNS and every SMTP server expect
/// it (`xn--…`), because few servers support SMTPUTF8.
pub(crate) fn parse(email: &str) -> Result<lettre::Address, InvalidAddress> {
    let invalid = |reason: &str| InvalidAddress {
        reason: reason.to_owned(),
    };
    let email = email.trim();
    let (local, domain) = email
        .rsplit_once('@')
        .ok_or_else(|| invalid("it has no @"))?;
    if email.len() > 254 {
        return Err(invalid("it is longer than 254 bytes"));
    }
    if email.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(invalid("it has a space or a control character"));
    }
    let domain = if domain.is_ascii() {
        domain.to_owned()
    } else {
        match url::Host::parse(domain) {
            Ok(url::Host::Domain(ascii)) => ascii,
            _ => return Err(invalid("its domain is invalid")),
        }
    };
    lettre::Address::new(local, domain).map_err(|error| invalid(&error.to_string().to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_addresses_pass_and_international_domains_become_ascii() {
        for (given, expected) in [
            ("ops@example.com", "ops@example.com"),
            (" ops@example.com ", "ops@example.com"),
            (
                "first.last+alerts@mail.example.com",
                "first.last+alerts@mail.example.com",
            ),
            ("root@localhost", "root@localhost"),
            ("ops@例え.example", "ops@xn--r8jz45g.example"),
        ] {
            assert_eq!(
                parse(given).map(|a| a.to_string()),
                Ok(expected.to_owned()),
                "{given}"
            );
        }
    }

    #[test]
    fn anything_that_could_break_out_of_a_command_is_refused() {
        for given in [
            "",
            "ops",
            "@example.com",
            "ops@",
            "a b@example.com",
            "ops@exa mple.com",
            "ops@example.com>\r\nRCPT TO:<other@example.com",
            "ops@example.com\0",
            "\"a\nb\"@example.com",
        ] {
            assert!(parse(given).is_err(), "{given:?}");
        }
    }
}
