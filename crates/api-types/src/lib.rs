//! Request and response types of Tocsin's HTTP API, shared by the server and the
//! frontend. JSON in camelCase, times in RFC 3339 UTC.
//!
//! This crate depends on no other crate of the workspace and builds for `wasm32`. The
//! `openapi` feature adds the schema derives that `openapi/openapi.json` is generated
//! from; the frontend is built without it. Doc comments of types and fields are the
//! descriptions in that file.

mod accounts;
mod alerts;
mod common;
mod deliveries;
mod directory;
mod events;
mod incidents;
mod ingest;
mod notifications;
#[cfg(feature = "openapi")]
pub mod schemas;
mod stats;
mod status;
mod storage;
mod whole;

pub use accounts::{
    ActorKind, AuditEntry, Me, MeInput, NewToken, PasswordChange, Role, Scope, Session, SetUp,
    SignIn, SignInMethod, SignInOptions, Theme, Token, TokenInput, User, UserInput,
};
pub use alerts::{Alert, AlertDetail, EntryKind};
pub use common::{FieldError, Labels, Page, Problem, RowCount, Status};
pub use deliveries::{Delivery, DeliveryOutcome, RejectedAlert};
pub use directory::{
    Group, GroupInput, GroupRef, Language, Recipient, RecipientInput, RecipientRef, Route,
    RouteInput, RouteOrder, TeamRoute,
};
pub use events::{ChangeEvent, DeliveryChange, IncidentChange, NotificationChange};
pub use incidents::{
    AcknowledgeFilter, AcknowledgeRequest, AcknowledgeResult, CloseRequest, EndReason, Incident,
    IncidentDetail, IncidentEvent, IncidentPatch, IncidentState, NewState,
};
pub use ingest::IngestReport;
pub use notifications::{Attempt, EventKind, Notification, NotificationState, Reason};
pub use stats::{Bucket, Count, Heatmap, Summary, Timeline, TimelinePoint, Top, TopBy};
pub use status::{DatabaseStatus, MailMode, MailStatus, SystemStatus};
pub use storage::{StorageForecast, StoragePart, StorageStatus};
