//! Reads a provider's claims.

use openidconnect::core::CoreGenderClaim;
use openidconnect::{AdditionalClaims, IdTokenClaims, StandardClaims, UserInfoClaims};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The non-standard claims, including the groups, whose claim name is configured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct CustomClaims {
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for CustomClaims {}

/// A user as described by the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) subject: String,
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) email_verified: bool,
    pub(super) groups: Vec<String>,
    /// Whether there was a claim with groups, even an empty one.
    has_groups_claim: bool,
}

impl Person {
    /// Reads a verified ID token.
    pub(super) fn of_token(
        claims: &IdTokenClaims<CustomClaims, CoreGenderClaim>,
        groups_claim: &str,
    ) -> Self {
        // The library has no accessor for all standard claims of an ID token.
        let mut person = Self {
            subject: claims.subject().to_string(),
            name: claims
                .name()
                .and_then(|name| name.get(None))
                .map(|name| name.to_string())
                .or_else(|| claims.preferred_username().map(|name| name.to_string())),
            email: claims.email().map(|email| email.to_string()),
            email_verified: claims.email_verified().unwrap_or(false),
            ..Self::default()
        };
        person.add_groups(claims.additional_claims(), groups_claim);
        person.clean()
    }

    /// Whether the user info endpoint is needed.
    pub(super) fn needs_user_info(&self, wants_groups: bool) -> bool {
        self.email.is_none() || self.name.is_none() || (wants_groups && !self.has_groups_claim)
    }

    /// Adds claims that the ID token omits. The address and its verification belong together: both
    /// are from the same place.
    pub(super) fn complete(
        mut self,
        info: &UserInfoClaims<CustomClaims, CoreGenderClaim>,
        groups_claim: &str,
    ) -> Self {
        let claims: &StandardClaims<CoreGenderClaim> = info.standard_claims();
        if self.email.is_none() {
            self.email = claims.email().map(|email| email.to_string());
            self.email_verified = claims.email_verified().unwrap_or(false);
        }
        if self.name.is_none() {
            self.name = claims
                .name()
                .and_then(|name| name.get(None))
                .map(|name| name.to_string())
                .or_else(|| claims.preferred_username().map(|name| name.to_string()));
        }
        if !self.has_groups_claim {
            self.add_groups(info.additional_claims(), groups_claim);
        }
        self.clean()
    }

    fn add_groups(&mut self, claims: &CustomClaims, name: &str) {
        if let Some(value) = find(&claims.all, name) {
            self.groups = groups(value);
            self.has_groups_claim = true;
        }
    }

    /// Some providers send an empty string for an unknown value.
    fn clean(mut self) -> Self {
        let full = |text: &String| !text.trim().is_empty();
        self.email = self.email.filter(full);
        self.name = self.name.filter(full);
        self
    }
}

/// Finds a claim by its name or by a path with dots, such as `realm_access.roles`. A name that
/// contains dots is tried first.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    find(claims.get(first)?.as_object()?, rest)
}

/// Reads the groups from a claim of any form: a list of names, or of objects with names; one name,
/// or several separated by commas; an object whose keys are names. A path such as `/ops` also
/// counts as `ops`, because one provider writes all its groups that way.
fn groups(value: &Value) -> Vec<String> {
    let mut names = Vec::new();
    gather(value, &mut names);
    names
}

/// Limits the work: a token may be as long as a body, and its groups are compared with each
/// configured group.
const MAX_GROUPS: usize = 10_000;

fn gather(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(text) => text.split(',').for_each(|name| add(name, names)),
        Value::Number(number) => add(&number.to_string(), names),
        Value::Array(items) => {
            for item in items {
                match item {
                    // A name in a list may contain a comma.
                    Value::String(name) => add(name, names),
                    Value::Number(number) => add(&number.to_string(), names),
                    Value::Object(fields) => {
                        let name = fields.get("name").or_else(|| fields.get("display"));
                        if let Some(name) = name.and_then(Value::as_str) {
                            add(name, names);
                        }
                    }
                    _ => {}
                }
            }
        }
        Value::Object(fields) => fields.keys().for_each(|name| add(name, names)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn add(name: &str, names: &mut Vec<String>) {
    let name = name.trim();
    if name.is_empty() || names.len() >= MAX_GROUPS {
        return;
    }
    names.push(name.to_owned());
    if let Some(top) = name.strip_prefix('/').filter(|top| !top.contains('/')) {
        names.push(top.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_of_any_form_are_read() {
        for (claim, expected) in [
            (json!(["ops", "on-call"]), vec!["ops", "on-call"]),
            (json!("ops"), vec!["ops"]),
            (json!("ops, on-call,"), vec!["ops", "on-call"]),
            (json!(["a, b"]), vec!["a, b"]),
            (
                json!(["/ops", "/ops/night"]),
                vec!["/ops", "ops", "/ops/night"],
            ),
            (json!([7, "eight"]), vec!["7", "eight"]),
            (
                json!([{"name": "ops"}, {"display": "staff", "value": "9"}, {"id": 1}]),
                vec!["ops", "staff"],
            ),
            (json!({"ops": {"org": 1}}), vec!["ops"]),
            (json!([]), vec![]),
            (json!(null), vec![]),
            (json!(true), vec![]),
            (json!([null, ["nested"], ""]), vec![]),
        ] {
            assert_eq!(groups(&claim), expected, "{claim}");
        }
    }

    #[test]
    fn a_claim_is_found_by_name_and_by_path() {
        let claims = json!({
            "groups": ["a"],
            "realm_access": {"roles": ["b"]},
            "https://example.com/groups": ["c"],
        });
        let claims = claims.as_object().unwrap();
        let found = |name| find(claims, name).map(groups);
        assert_eq!(found("groups"), Some(vec!["a".to_owned()]));
        assert_eq!(found("realm_access.roles"), Some(vec!["b".to_owned()]));
        assert_eq!(
            found("https://example.com/groups"),
            Some(vec!["c".to_owned()])
        );
        assert_eq!(found("realm_access.groups"), None);
        assert_eq!(found("nothing"), None);
    }

    fn token(claims: &Value) -> IdTokenClaims<CustomClaims, CoreGenderClaim> {
        let mut all = json!({
            "iss": "https://login.example.com",
            "aud": "tocsin",
            "sub": "1",
            "exp": 2_000_000_000,
            "iat": 1_900_000_000,
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    fn info(claims: &Value) -> UserInfoClaims<CustomClaims, CoreGenderClaim> {
        UserInfoClaims::from_json::<std::io::Error>(claims.to_string().as_bytes(), None).unwrap()
    }

    #[test]
    fn user_info_adds_claims_missing_from_the_token() {
        let person = Person::of_token(
            &token(&json!({"email": "ann@example.com", "email_verified": true})),
            "groups",
        );
        assert!(person.needs_user_info(false));
        let person = person.complete(
            &info(&json!({
                "sub": "1",
                "name": "Ann",
                "email": "other@example.com",
                "email_verified": false,
                "groups": ["ops"],
            })),
            "groups",
        );
        assert!(!person.needs_user_info(true));
        assert_eq!(person.email.as_deref(), Some("ann@example.com"));
        assert!(person.email_verified);
        assert_eq!(person.name.as_deref(), Some("Ann"));
        assert_eq!(person.groups, ["ops"]);
    }

    #[test]
    fn an_address_and_its_verification_have_one_source() {
        let person = Person::of_token(&token(&json!({"email_verified": true})), "groups");
        let person = person.complete(
            &info(&json!({"sub": "1", "email": "ann@example.com", "name": ""})),
            "groups",
        );
        assert_eq!(person.email.as_deref(), Some("ann@example.com"));
        assert!(!person.email_verified);
        assert_eq!(person.name, None);
        assert!(person.groups.is_empty());
    }
}
