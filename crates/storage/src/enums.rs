//! The small numbers that stand for words in the database.
//!
//! A number, once given, keeps its meaning for ever: rows outlive programs. A
//! number that no word has is a [`StorageError::Corrupt`] row, never a guess.

use tocsin_core::alert::Status;
pub use tocsin_core::lifecycle::{EndReason, IncidentState};

use crate::StorageError;

/// A word that is stored as a number.
pub trait Coded: Sized + Copy {
    /// The number in the database.
    fn code(self) -> i16;

    /// The word for a number, if any.
    fn from_code(code: i16) -> Option<Self>;

    /// The word for the number that a row holds.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] for a number that this program never writes.
    fn read(
        code: i16,
        table: &'static str,
        column: &'static str,
        id: i64,
    ) -> Result<Self, StorageError> {
        Self::from_code(code).ok_or(StorageError::Corrupt { table, column, id })
    }
}

/// The word for the number that a row holds, where it holds one.
///
/// # Errors
/// [`StorageError::Corrupt`] for a number that this program never writes.
pub fn read<T: Coded>(
    code: Option<i16>,
    table: &'static str,
    column: &'static str,
    id: i64,
) -> Result<Option<T>, StorageError> {
    code.map(|code| T::read(code, table, column, id))
        .transpose()
}

macro_rules! coded {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $word:ident = $code:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$doc])* $word,)+
        }

        impl Coded for $name {
            fn code(self) -> i16 {
                match self {
                    $(Self::$word => $code,)+
                }
            }

            fn from_code(code: i16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$word),)+
                    _ => None,
                }
            }
        }
    };
}

impl Coded for Status {
    fn code(self) -> i16 {
        match self {
            Self::Firing => 0,
            Self::Resolved => 1,
        }
    }

    fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Firing),
            1 => Some(Self::Resolved),
            _ => None,
        }
    }
}

impl Coded for IncidentState {
    fn code(self) -> i16 {
        match self {
            Self::Open => 0,
            Self::Resolved => 1,
            Self::Expired => 2,
            Self::Closed => 3,
        }
    }

    fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Open),
            1 => Some(Self::Resolved),
            2 => Some(Self::Expired),
            3 => Some(Self::Closed),
            _ => None,
        }
    }
}

impl Coded for EndReason {
    fn code(self) -> i16 {
        match self {
            Self::Resolved => 0,
            Self::FiredAgain => 1,
            Self::NoUpdates => 2,
            Self::Person => 3,
            Self::Copy => 4,
        }
    }

    fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Resolved),
            1 => Some(Self::FiredAgain),
            2 => Some(Self::NoUpdates),
            3 => Some(Self::Person),
            4 => Some(Self::Copy),
            _ => None,
        }
    }
}

coded! {
    /// What a log entry did to its incident.
    EntryKind {
        /// It opened the incident.
        Opened = 0,
        /// It closed the incident.
        Resolved = 1,
        /// It repeated the incident's state after the window.
        Refreshed = 2,
        /// It told an overtaken state; nothing moved.
        Late = 3,
        /// It changed the incident's annotations, value or link.
        Updated = 4,
    }
}

impl EntryKind {
    /// What the entry says happened to its incident, if anything did.
    pub fn event(self) -> Option<EventKind> {
        match self {
            Self::Opened => Some(EventKind::Opened),
            Self::Resolved => Some(EventKind::Resolved),
            Self::Refreshed => Some(EventKind::Refreshed),
            Self::Late | Self::Updated => None,
        }
    }
}

coded! {
    /// What happened to an incident.
    EventKind {
        /// It began.
        Opened = 0,
        /// It was told again after the window.
        Refreshed = 1,
        /// Its end was told.
        Resolved = 2,
        /// It ended without a resolution.
        Expired = 3,
        /// A person acknowledged it.
        Acknowledged = 4,
        /// A person took the acknowledgement back.
        Unacknowledged = 5,
        /// A person closed it.
        Closed = 6,
    }
}

coded! {
    /// What became of a request to the webhook.
    DeliveryOutcome {
        /// Its alerts are in the log, but for the rejected ones.
        Accepted = 0,
        /// Nothing of it could be read.
        Refused = 1,
    }
}

coded! {
    /// How far a mail has come.
    NotificationState {
        /// It waits for its first or next attempt.
        Queued = 0,
        /// A worker has leased it.
        Sending = 1,
        /// The SMTP server took it.
        Sent = 2,
        /// The SMTP server refused it for good.
        Failed = 3,
        /// It was written to a file, for want of an SMTP server.
        Written = 4,
        /// It was withdrawn before its first attempt.
        Canceled = 5,
    }
}

coded! {
    /// What a row of the change feed speaks of.
    ChangeKind {
        /// A stored delivery.
        Delivery = 0,
        /// A changed incident.
        Incident = 1,
        /// A changed mail.
        Notification = 2,
    }
}

coded! {
    /// The language that a recipient is written to in.
    Language {
        /// English.
        En = 0,
        /// Simplified Chinese.
        Zh = 1,
    }
}

coded! {
    /// What a person may do; each may do what the one before it may.
    Role {
        /// Reads.
        Viewer = 0,
        /// Acknowledges, writes memos, sends mails again.
        Responder = 1,
        /// Changes everything that people change.
        Admin = 2,
    }
}

coded! {
    /// What a token opens.
    Access {
        /// What a viewer may do.
        Viewer = 0,
        /// What a responder may do.
        Responder = 1,
        /// What an administrator may do.
        Admin = 2,
        /// The webhook, and nothing else.
        Ingest = 3,
    }
}

impl Access {
    /// The role that a token has; none where it can only deliver.
    #[must_use]
    pub fn role(self) -> Option<Role> {
        match self {
            Self::Viewer => Some(Role::Viewer),
            Self::Responder => Some(Role::Responder),
            Self::Admin => Some(Role::Admin),
            Self::Ingest => None,
        }
    }
}

impl From<Role> for Access {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Responder => Self::Responder,
            Role::Admin => Self::Admin,
        }
    }
}

coded! {
    /// How a session came in.
    SignInMethod {
        /// E-mail and password.
        Password = 0,
        /// OpenID Connect.
        Oidc = 1,
    }
}

coded! {
    /// How the pages look.
    Theme {
        /// Dark on light.
        Light = 0,
        /// Light on dark.
        Dark = 1,
    }
}

coded! {
    /// Who did something.
    ActorKind {
        /// A person.
        User = 0,
        /// An API token.
        Token = 1,
        /// Somebody at the program's command line.
        CommandLine = 2,
        /// Somebody who was not signed in.
        Anonymous = 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back<T: Coded + PartialEq + std::fmt::Debug>(codes: i16) {
        for code in 0..codes {
            assert_eq!(T::from_code(code).map(Coded::code), Some(code));
        }
        assert_eq!(T::from_code(codes), None);
        assert_eq!(T::from_code(-1), None);
    }

    #[test]
    fn every_word_comes_back_from_its_number() {
        there_and_back::<Status>(2);
        there_and_back::<IncidentState>(4);
        there_and_back::<EndReason>(5);
        there_and_back::<EntryKind>(5);
        there_and_back::<EventKind>(7);
        there_and_back::<DeliveryOutcome>(2);
        there_and_back::<NotificationState>(6);
        there_and_back::<ChangeKind>(3);
        there_and_back::<Language>(2);
        there_and_back::<Role>(3);
        there_and_back::<Access>(4);
        there_and_back::<SignInMethod>(2);
        there_and_back::<Theme>(2);
        there_and_back::<ActorKind>(4);
    }

    #[test]
    fn a_number_without_a_word_names_its_row() {
        let error = Language::read(7, "recipients", "language", 3).map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err("corrupt row: table recipients, column language, id 3".to_owned())
        );
    }
}
