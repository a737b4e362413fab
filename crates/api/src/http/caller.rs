//! Caller of a request.

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

/// Caller of an authorized request. The middleware adds it to the request; handlers extract
/// it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Actor for the audit log.
    pub(crate) actor: Actor,
    /// Role; `None` for anonymous callers and ingest tokens.
    pub(crate) role: Option<Role>,
    /// Visible alerts.
    pub(crate) visibility: Visibility,
    /// Session of the request, if there is one.
    pub(crate) session_id: Option<i64>,
    /// Source to which an ingest token is restricted.
    pub(crate) source: Option<SourceName>,
    /// Identity of a user, or of a token in the database; `None` for tokens in the
    /// settings and anonymous callers.
    pub(crate) identity: Option<Arc<Identity>>,
}

impl Caller {
    /// A caller without credentials.
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

    /// Whether the caller is a signed-in user.
    pub(crate) fn is_user(&self) -> bool {
        self.actor.kind == ActorKind::User
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = request.extensions().get::<Self>().cloned();
        // The middleware adds one to every request.
        ready(
            caller.ok_or_else(|| {
                ApiError::new(ProblemKind::Unauthorized, "Sign in, or send a token.")
            }),
        )
    }
}
