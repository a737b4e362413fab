//! Who sent a request.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use tocsin_core::visibility::Visibility;
use tocsin_pipeline::Actor;
use tocsin_pipeline::accounts::Identity;
use tocsin_storage::enums::{ActorKind, Role};

use super::problem::{ApiError, ProblemKind};
use crate::config::SourceName;

/// Who sent a request that was let in. `edge` puts it into the request; handlers
/// take it as an argument.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// For the audit log.
    pub(crate) actor: Actor,
    /// What may be done; nothing by somebody who is not signed in, nor by an
    /// ingest token.
    pub(crate) role: Option<Role>,
    /// Which alerts may be seen.
    pub(crate) visibility: Visibility,
    /// The user's session, where the request came with one.
    pub(crate) session_id: Option<i64>,
    /// The source that an ingest token is bound to.
    pub(crate) source: Option<SourceName>,
    /// Of a user, and of a token in the database; not of a token in the
    /// settings, nor of somebody who is not signed in.
    pub(crate) identity: Option<Arc<Identity>>,
}

impl Caller {
    /// Somebody who is not signed in.
    pub(crate) fn anonymous(address: Option<IpAddr>) -> Self {
        Self {
            actor: Actor::anonymous(address),
            role: None,
            visibility: Visibility::everything(),
            session_id: None,
            source: None,
            identity: None,
        }
    }

    /// Whether it is a person who is signed in.
    pub(crate) fn is_person(&self) -> bool {
        self.actor.kind == ActorKind::User
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = request.extensions().get::<Self>().cloned();
        // `edge` leaves none out.
        ready(caller.ok_or_else(|| ApiError::new(ProblemKind::Unauthorized, "Sign in first.")))
    }
}
