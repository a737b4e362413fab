//! IDs of messages and threads.

use tocsin_mailer::Address;

/// Generates IDs of messages and threads, `local.instance@domain`, unique across all
/// databases of the domain.
#[derive(Clone, Debug)]
pub struct MessageIds {
    suffix: String,
}

impl MessageIds {
    /// Creates a generator for the database named `instance`, with the domain of the
    /// sender address `from`.
    #[must_use]
    pub fn new(instance: &str, from: &Address) -> Self {
        let domain = from.email.rsplit_once('@');
        let domain = domain.map_or("localhost", |(_, domain)| domain);
        Self {
            suffix: format!("{instance}@{domain}"),
        }
    }

    /// Returns the ID with the local part `local`.
    #[must_use]
    pub fn of(&self, local: &str) -> String {
        format!("{local}.{}", self.suffix)
    }

    /// Returns a random ID that begins with `kind`.
    #[must_use]
    pub fn random(&self, kind: &str) -> String {
        self.of(&format!("{kind}.{:032x}", rand::random::<u128>()))
    }
}
