//! What messages and threads are known by.

use tocsin_mailer::Address;

/// Makes IDs of messages and threads, `local.instance@domain`, which are unique over
/// all databases of the domain.
#[derive(Clone, Debug)]
pub struct MessageIds {
    suffix: String,
}

impl MessageIds {
    /// For the database named `instance`, whose mail is from `from`.
    #[must_use]
    pub fn new(instance: &str, from: &Address) -> Self {
        let domain = from.email.rsplit_once('@');
        let domain = domain.map_or("localhost", |(_, domain)| domain);
        Self {
            suffix: format!("{instance}@{domain}"),
        }
    }

    /// The ID of what is known by `local` in this database.
    #[must_use]
    pub fn of(&self, local: &str) -> String {
        format!("{local}.{}", self.suffix)
    }

    /// Another ID each time; `kind` says what of.
    #[must_use]
    pub fn random(&self, kind: &str) -> String {
        self.of(&format!("{kind}.{:032x}", rand::random::<u128>()))
    }
}
