//! Integer codes of enums in the database.
//!
//! A code never changes its meaning: rows outlive programs. An unknown code is a
//! [`StorageError::Corrupt`] row, never a guess.

use tocsin_core::alert::Status;
pub use tocsin_core::lifecycle::{EndReason, IncidentState};

use crate::StorageError;

/// An enum stored as an integer code.
pub trait Coded: Sized + Copy {
    /// The code in the database.
    fn code(self) -> i16;

    /// The variant of a code, if there is one.
    fn from_code(code: i16) -> Option<Self>;

    /// The variant of a stored code.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] for a code that this program never writes.
    fn read(
        code: i16,
        table: &'static str,
        column: &'static str,
        id: i64,
    ) -> Result<Self, StorageError> {
        Self::from_code(code).ok_or(StorageError::Corrupt { table, column, id })
    }
}

/// The variant of a stored code that may be null.
///
/// # Errors
/// [`StorageError::Corrupt`] for a code that this program never writes.
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
    ($(#[$enum_doc:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl Coded for $name {
            fn code(self) -> i16 {
                match self {
                    $(Self::$variant => $code,)+
                }
            }

            fn from_code(code: i16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
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
    /// Effect of a log entry on its incident.
    EntryKind {
        /// Opened the incident.
        Opened = 0,
        /// Resolved the incident.
        Resolved = 1,
        /// Repeated the state of the incident after the deduplication window.
        Refreshed = 2,
        /// Received out of order; changed nothing.
        Late = 3,
        /// Changed the incident's annotations, value or link.
        Updated = 4,
    }
}

impl EntryKind {
    /// The event of the incident caused by the entry, if any.
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
    /// An event of an incident.
    EventKind {
        /// The incident opened.
        Opened = 0,
        /// It was received again after the deduplication window.
        Refreshed = 1,
        /// It was resolved.
        Resolved = 2,
        /// It ended without a resolution.
        Expired = 3,
        /// A person acknowledged it.
        Acknowledged = 4,
        /// A person removed the acknowledgement.
        Unacknowledged = 5,
        /// A person closed it.
        Closed = 6,
    }
}

coded! {
    /// Outcome of a request to the webhook.
    DeliveryOutcome {
        /// Its alerts are logged, except the rejected ones.
        Accepted = 0,
        /// The request was rejected.
        Refused = 1,
    }
}

coded! {
    /// State of a notification.
    NotificationState {
        /// Waiting for its first or next attempt.
        Queued = 0,
        /// Leased by a worker.
        Sending = 1,
        /// Accepted by the SMTP server.
        Sent = 2,
        /// Rejected permanently by the SMTP server.
        Failed = 3,
        /// Written to a file, because no SMTP server is configured.
        Written = 4,
        /// Withdrawn before its first attempt.
        Canceled = 5,
    }
}

coded! {
    /// Kind of object of a row in the change feed.
    ChangeKind {
        /// A stored delivery.
        Delivery = 0,
        /// A changed incident.
        Incident = 1,
        /// A changed notification.
        Notification = 2,
    }
}

coded! {
    /// Language of a recipient or user.
    Language {
        /// English.
        En = 0,
        /// Simplified Chinese.
        Zh = 1,
    }
}

coded! {
    /// Role of a user; each includes the one before it.
    Role {
        /// Read access.
        Viewer = 0,
        /// Acknowledges incidents, writes notes, resends notifications.
        Responder = 1,
        /// Full access.
        Admin = 2,
    }
}

coded! {
    /// Scope of a token.
    Access {
        /// Same as the role viewer.
        Viewer = 0,
        /// Same as the role responder.
        Responder = 1,
        /// Same as the role administrator.
        Admin = 2,
        /// The webhook only.
        Ingest = 3,
    }
}

impl Access {
    /// The role of a token; `None` for a token that can only deliver.
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
    /// Login method of a session.
    SignInMethod {
        /// E-mail and password.
        Password = 0,
        /// OpenID Connect.
        Oidc = 1,
    }
}

coded! {
    /// Theme of the pages.
    Theme {
        /// Dark on light.
        Light = 0,
        /// Light on dark.
        Dark = 1,
    }
}

coded! {
    /// Kind of actor.
    ActorKind {
        /// A user.
        User = 0,
        /// An API token.
        Token = 1,
        /// A user of the command line.
        CommandLine = 2,
        /// A client that is not signed in.
        Anonymous = 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_codes_round_trip<T: Coded + PartialEq + std::fmt::Debug>(codes: i16) {
        for code in 0..codes {
            assert_eq!(T::from_code(code).map(Coded::code), Some(code));
        }
        assert_eq!(T::from_code(codes), None);
        assert_eq!(T::from_code(-1), None);
    }

    #[test]
    fn codes_round_trip() {
        assert_codes_round_trip::<Status>(2);
        assert_codes_round_trip::<IncidentState>(4);
        assert_codes_round_trip::<EndReason>(5);
        assert_codes_round_trip::<EntryKind>(5);
        assert_codes_round_trip::<EventKind>(7);
        assert_codes_round_trip::<DeliveryOutcome>(2);
        assert_codes_round_trip::<NotificationState>(6);
        assert_codes_round_trip::<ChangeKind>(3);
        assert_codes_round_trip::<Language>(2);
        assert_codes_round_trip::<Role>(3);
        assert_codes_round_trip::<Access>(4);
        assert_codes_round_trip::<SignInMethod>(2);
        assert_codes_round_trip::<Theme>(2);
        assert_codes_round_trip::<ActorKind>(4);
    }

    #[test]
    fn unknown_code_names_its_row() {
        let error = Language::read(7, "recipients", "language", 3).map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err("corrupt row: table recipients, column language, id 3".to_owned())
        );
    }
}
