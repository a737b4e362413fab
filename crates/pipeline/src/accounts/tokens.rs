//! API tokens: for scripts, and for those who deliver.

use serde_json::{Value, json};
use tocsin_core::time::Timestamp;
use tocsin_storage::StorageError;
use tocsin_storage::accounts::{self, TokenRow, TokenView};
use tocsin_storage::enums::Access;

use super::{Accounts, secrets};
use crate::change::{ChangeError, Issues, matchers, name};
use crate::idempotency::{self, Created, IdempotentRequest};
use crate::{Actor, AuditEntry};

/// The most characters of a source's name.
const MAX_SOURCE: usize = 64;

/// What somebody writes of a new token.
#[derive(Clone, Debug)]
pub struct TokenDraft {
    /// 1 to 100 characters.
    pub name: String,
    /// What it opens: [`Access::Ingest`] alone, or others, of which the greatest
    /// includes the rest. Issues name it `scopes`.
    pub opens: Vec<Access>,
    /// Of one that delivers: the source that deliveries belong to.
    pub source: Option<String>,
    /// Of one that is no administrator's and does not deliver: what it sees.
    pub matchers: Vec<String>,
    /// When it ends; none: never.
    pub expires_at: Option<Timestamp>,
}

/// A token that was made.
#[derive(Clone)]
pub struct NewToken {
    /// What is stored of it.
    pub view: TokenView,
    /// The secret, which is not; none where an earlier request made the token.
    pub secret: Option<String>,
}

impl Accounts {
    /// Makes a token.
    ///
    /// # Errors
    /// [`ChangeError::Invalid`] and [`ChangeError::Unfit`] with every wrong
    /// field; [`ChangeError::KeyReused`].
    pub async fn create_token(
        &self,
        actor: &Actor,
        once: Option<&IdempotentRequest>,
        draft: &TokenDraft,
    ) -> Result<Created<NewToken>, ChangeError> {
        let now = self.now();
        let (secret, row) = new(actor, draft, now)?;
        let tx = self.db().begin().await?;
        accounts::begin_change(&tx).await?;
        if let Some(id) = idempotency::begin(&tx, once, now).await? {
            let view = accounts::get_token(&tx, id).await?;
            let object = view.map(|view| NewToken { view, secret: None });
            return idempotency::made_before(object, "token", id);
        }
        let id = accounts::insert_token(&tx, &row).await?;
        idempotency::finish(&tx, once, id).await?;
        let view = accounts::get_token(&tx, id).await?;
        let view = view.ok_or(StorageError::Stale("token"))?;
        let after = snapshot_token(&view);
        let deed = AuditEntry {
            action: "token.create",
            kind: "token",
            id: Some(id),
            name: &view.token.name,
            before: None,
            after: Some(&after),
        };
        actor.record(&tx, &deed, now).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(Created::now(NewToken {
            view,
            secret: Some(secret),
        }))
    }

    /// Takes a token back for good; one that was taken back stays so.
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
        let (was, is) = (snapshot_token(&before), snapshot_token(&after));
        let deed = AuditEntry {
            action: "token.revoke",
            kind: "token",
            id: Some(id),
            name: &after.token.name,
            before: Some(&was),
            after: Some(&is),
        };
        actor.record(&tx, &deed, now).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(after)
    }
}

/// What people see of a token, for the audit log: without its hash, and without
/// what changes by itself.
#[must_use]
pub fn snapshot_token(view: &TokenView) -> Value {
    let TokenView { token, .. } = view;
    let opens = match token.access {
        Access::Viewer => "read",
        Access::Responder => "respond",
        Access::Admin => "admin",
        Access::Ingest => "ingest",
    };
    json!({
        "name": token.name,
        "hint": token.hint,
        "scope": opens,
        "source": token.source,
        "matchers": token.matchers,
        "expiresAt": token.expires_at.map(Timestamp::to_datetime),
        "revoked": token.revoked_at.is_some(),
    })
}

/// A new secret, and what is stored of it.
fn new(
    actor: &Actor,
    draft: &TokenDraft,
    now: Timestamp,
) -> Result<(String, TokenRow), ChangeError> {
    let (mut issues, mut unfit) = (Issues::default(), Issues::default());
    let secret = secrets::token();
    let row = TokenRow {
        name: issues.take("name", name(&draft.name)),
        secret: secrets::hash(&secret),
        hint: secrets::hint(&secret),
        access: access(&mut issues, &mut unfit, &draft.opens),
        source: draft.source.clone(),
        matchers: matchers(&mut issues, &draft.matchers),
        created_at: now,
        created_by: actor.name.clone(),
        expires_at: draft.expires_at,
        used_at: None,
        revoked_at: None,
    };
    let delivers = row.access == Access::Ingest;
    if let Some(source) = &draft.source {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !delivers {
            unfit.add("source", "only a token that opens ingest has a source");
        } else if !(1..=MAX_SOURCE).contains(&source.len()) || !source.chars().all(allowed) {
            issues.add(
                "source",
                format!("expected 1 to {MAX_SOURCE} letters, digits, \".\", \"_\" or \"-\""),
            );
        }
    }
    if !draft.matchers.is_empty() {
        match row.access {
            Access::Ingest => unfit.add("matchers", "a token that opens ingest sees no alerts"),
            Access::Admin => {
                unfit.add(
                    "matchers",
                    "expected none: an administrator sees all alerts",
                );
            }
            Access::Viewer | Access::Responder => {}
        }
    }
    if draft.expires_at.is_some_and(|at| at <= now) {
        unfit.add("expiresAt", "expected a time in the future");
    }
    issues.finish_with(unfit)?;
    Ok((secret, row))
}

/// What a token opens: ingest alone, or the greatest of the others.
fn access(issues: &mut Issues, unfit: &mut Issues, opens: &[Access]) -> Access {
    let delivers = opens.contains(&Access::Ingest);
    let greatest = opens
        .iter()
        .filter_map(|access| access.role())
        .max()
        .map(Access::from);
    match (delivers, greatest) {
        (true, None) => Access::Ingest,
        (false, Some(greatest)) => greatest,
        (true, Some(greatest)) => {
            unfit.add(
                "scopes",
                "ingest stands alone: whoever delivers reads nothing; make another token",
            );
            greatest
        }
        (false, None) => {
            issues.add("scopes", "expected at least one, or a role");
            Access::Viewer
        }
    }
}
