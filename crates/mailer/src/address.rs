//! Mail addresses.

use serde::{Deserialize, Serialize};

/// A name and a mail address.
///
/// Plain data, because it is built from stored rows; [`Address::check`] is for the edge, where a
/// person types one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// What people call them; may be empty.
    pub name: String,
    /// `local@domain`.
    pub email: String,
}

/// A mail address that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a mail address: {reason}")]
pub struct InvalidAddress {
    reason: String,
}

impl Address {
    /// Puts name and address together, unchecked.
    pub fn new(name: impl Into<String>, email: impl Into<String>) -> Address {
        Address {
            name: name.into(),
            email: email.into(),
        }
    }

    /// Whether mail could be sent to it.
    ///
    /// # Errors
    ///
    /// [`InvalidAddress`] says what is wrong with its form; whether anyone reads it, only the
    /// mail server knows.
    pub fn check(&self) -> Result<(), InvalidAddress> {
        parse(&self.email).map(drop)
    }
}

/// Parses `local@domain`, and writes an international domain the way DNS and every SMTP server
/// know it (`xn--…`), because few servers speak SMTPUTF8.
pub(crate) fn parse(email: &str) -> Result<lettre::Address, InvalidAddress> {
    let invalid = |reason: &str| InvalidAddress {
        reason: reason.to_owned(),
    };
    let email = email.trim();
    let (local, domain) = email
        .rsplit_once('@')
        .ok_or_else(|| invalid("there is no @ in it"))?;
    if email.len() > 254 {
        return Err(invalid("it is longer than 254 bytes"));
    }
    if email.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(invalid("there is a space or a control character in it"));
    }
    let domain = if domain.is_ascii() {
        domain.to_owned()
    } else {
        match url::Host::parse(domain) {
            Ok(url::Host::Domain(ascii)) => ascii,
            _ => return Err(invalid("its domain is not a domain name")),
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
