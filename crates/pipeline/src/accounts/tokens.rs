//! API tokens: for scripts and for webhook senders.

use serde_json::{Value, json};
use tocsin_core::time::Timestamp;
use tocsin_storage::StorageError;
use tocsin_storage::accounts::{self, TokenRow, TokenView};
use tocsin_storage::enums::Access;

use super::{Accounts, secrets};
use crate::change::{ChangeError, Issues, matchers, name};
use crate::idempotency::{self, Created, IdempotentRequest};
use crate::{Actor, AuditEntry};

/// Longest name of a source in characters.
const MAX_SOURCE: usize = 64;

/// Input for a token.
#[derive(Clone, Debug)]
pub struct TokenDraft {
    /// 1 to 100 characters.
    pub name: String,
    /// Scopes: [`Access::Ingest`] alone, or others, of which the highest includes the
    /// rest. Issues refer to this field as `scopes`.
    pub opens: Vec<Access>,
    /// Source of the deliveries; ingest tokens only.
    pub source: Option<String>,
    /// Matchers of the visible alerts; not for ingest and admin tokens.
    pub matchers: Vec<String>,
    /// Expiry; `None`: never.
    pub expires_at: Option<Timestamp>,
}

/// A created token.
#[derive(Clone)]
pub struct NewToken {
    /// The stored token.
    pub view: TokenView,
    /// The secret, which is not stored; `None` if an earlier request created the token.
    pub secret: Option<String>,
}

impl Accounts {
    /// Creates a token.
    ///
    /// # Errors
    /// [`ChangeError::Invalid`] and [`ChangeError::Unprocessable`] with all invalid
    /// fields; [`ChangeError::KeyReused`].
    pub async fn create_token(
        &self,
        actor: &Actor,
        idempotent: Option<&IdempotentRequest>,
        draft: &TokenDraft,
    ) -> Result<Created<NewToken>, ChangeError> {
        let now = self.now();
        let (secret, row) = new(actor, draft, now)?;
        let tx = self.db().begin().await?;
        accounts::begin_change(&tx).await?;
        if let Some(id) = idempotency::begin(&tx, idempotent, now).await? {
            let view = accounts::get_token(&tx, id).await?;
            let object = view.map(|view| NewToken { view, secret: None });
            return idempotency::replay(object, "token", id);
        }
        let id = accounts::insert_token(&tx, &row).await?;
        idempotency::finish(&tx, idempotent, id).await?;
        let view = accounts::get_token(&tx, id).await?;
        let view = view.ok_or(StorageError::Stale("token"))?;
        let after = snapshot_token(&view);
        let entry = AuditEntry {
            action: "token.create",
            kind: "token",
            id: Some(id),
            name: &view.token.name,
            before: None,
            after: Some(&after),
        };
        actor.record(&tx, &entry, now).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(Created::now(NewToken {
            view,
            secret: Some(secret),
        }))
    }

    /// Revokes a token permanently. Revoking it twice has no effect.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`].
    pub async fn revoke_token(&self, actor: &Actor, id: i64) -> Result<TokenView, ChangeError> {
        let now = self.now();
        let tx = self.db().begin().await?;
        accounts::begin_change(&tx).await?;
        let before = accounts::get_token(&tx, id).await?;
        let before = before.ok_or(ChangeError::NotFound { what: "token", id })?;
        if !accounts::revoke_token(&tx, id, now).await? {
            return Ok(before);
        }
        let after = accounts::get_token(&tx, id).await?;
        let after = after.ok_or(StorageError::Stale("token"))?;
        let (old, new) = (snapshot_token(&before), snapshot_token(&after));
        let entry = AuditEntry {
            action: "token.revoke",
            kind: "token",
            id: Some(id),
            name: &after.token.name,
            before: Some(&old),
            after: Some(&new),
        };
        actor.record(&tx, &entry, now).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(after)
    }
}

/// Snapshot of a token for the audit log, without its hash and without fields that
/// change automatically.
#[must_use]
pub fn snapshot_token(view: &TokenView) -> Value {
    let TokenView { token, .. } = view;
    let scope = match token.access {
        Access::Viewer => "read",
        Access::Responder => "respond",
        Access::Admin => "admin",
        Access::Ingest => "ingest",
    };
    json!({
        "name": token.name,
        "hint": token.hint,
        "scope": scope,
        "source": token.source,
        "matchers": token.matchers,
        "expiresAt": token.expires_at.map(Timestamp::to_datetime),
        "revoked": token.revoked_at.is_some(),
    })
}

/// Validates the draft and returns a new secret with its row.
fn new(
    actor: &Actor,
    draft: &TokenDraft,
    now: Timestamp,
) -> Result<(String, TokenRow), ChangeError> {
    let (mut issues, mut unprocessable) = (Issues::default(), Issues::default());
    let secret = secrets::token();
    let row = TokenRow {
        name: issues.take("name", name(&draft.name)),
        secret: secrets::hash(&secret),
        hint: secrets::hint(&secret),
        access: access(&mut issues, &mut unprocessable, &draft.opens),
        source: draft.source.clone(),
        matchers: matchers(&mut issues, &draft.matchers),
        created_at: now,
        created_by: actor.name.clone(),
        expires_at: draft.expires_at,
        used_at: None,
        revoked_at: None,
    };
    let is_ingest = row.access == Access::Ingest;
    if let Some(source) = &draft.source {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !is_ingest {
            unprocessable.add("source", "only an ingest token has a source");
        } else if !(1..=MAX_SOURCE).contains(&source.len()) || !source.chars().all(allowed) {
            issues.add(
                "source",
                format!("expected 1 to {MAX_SOURCE} letters, digits, \".\", \"_\" or \"-\""),
            );
        }
    }
    if !draft.matchers.is_empty() {
        match row.access {
            Access::Ingest => unprocessable.add("matchers", "an ingest token cannot read alerts"),
            Access::Admin => {
                unprocessable.add(
                    "matchers",
                    "expected none: an administrator sees all alerts",
                );
            }
            Access::Viewer | Access::Responder => {}
        }
    }
    if draft.expires_at.is_some_and(|at| at <= now) {
        unprocessable.add("expiresAt", "expected a time in the future");
    }
    issues.finish_with(unprocessable)?;
    Ok((secret, row))
}

/// Scope of a token: ingest alone, or the highest of the others.
fn access(issues: &mut Issues, unprocessable: &mut Issues, scopes: &[Access]) -> Access {
    let is_ingest = scopes.contains(&Access::Ingest);
    let highest = scopes
        .iter()
        .filter_map(|access| access.role())
        .max()
        .map(Access::from);
    match (is_ingest, highest) {
        (true, None) => Access::Ingest,
        (false, Some(highest)) => highest,
        (true, Some(highest)) => {
            unprocessable.add(
                "scopes",
                "ingest cannot be combined with other scopes; create another token",
            );
            highest
        }
        (false, None) => {
            issues.add("scopes", "expected at least one, or a role");
            Access::Viewer
        }
    }
}
