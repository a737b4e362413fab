use serde::{Deserialize, Serialize};

/// The language that a recipient is written to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

/// A recipient as a group names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecipientRef {
    /// The recipient's number.
    pub id: i64,
    /// The recipient's name.
    pub name: String,
}

/// A group as a recipient or a route names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupRef {
    /// The group's number.
    pub id: i64,
    /// The group's name.
    pub name: String,
}

/// A person with an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// The recipient's number.
    pub id: i64,
    /// The recipient's name, 1 to 100 characters.
    pub name: String,
    /// The mail address; no two recipients share one.
    pub email: String,
    /// The language of the mails.
    pub language: Language,
    /// The zone of the times in mails, such as `Asia/Shanghai`.
    pub time_zone: String,
    /// Whether mail is sent to this recipient.
    pub enabled: bool,
    /// The groups that the recipient is in.
    pub groups: Vec<GroupRef>,
}

/// What is written of a recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecipientInput {
    /// 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// A mail address of up to 254 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Email))]
    pub email: String,
    /// Left out: the setting `mail.default_language`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// An IANA zone name. Left out: the setting `mail.default_time_zone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schemas::TimeZone>))]
    pub time_zone: Option<String>,
    /// Left out: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The groups' numbers. Left out: none for a new recipient, unchanged for
    /// another.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::whole::list_or_null"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<crate::schemas::Id>>, max_items = 5000))]
    pub group_ids: Option<Vec<i64>>,
}

/// A named set of recipients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The group's number.
    pub id: i64,
    /// The group's name; no two groups share one.
    pub name: String,
    /// Gets what no route matched. At most one group is the default.
    pub is_default: bool,
    /// Its recipients.
    pub recipients: Vec<RecipientRef>,
}

/// What is written of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupInput {
    /// 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// Left out: false for a new group, unchanged for another. Setting it
    /// takes it from the group that had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
    /// The recipients' numbers. Left out: none for a new group, unchanged for
    /// another.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::whole::list_or_null"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<crate::schemas::Id>>, max_items = 5000))]
    pub recipient_ids: Option<Vec<i64>>,
}

/// Which alerts go to which groups. Routes are tried in order; the first that
/// matches decides, and further ones where `continue` is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The route's number.
    pub id: i64,
    /// Its place in the order, from 1.
    pub position: i64,
    /// The route's name, 1 to 100 characters.
    pub name: String,
    /// Matchers as Alertmanager writes them, all of which must hold; none
    /// match everything.
    pub matchers: Vec<String>,
    /// The groups that get mail. None: what matches is not mailed.
    pub groups: Vec<GroupRef>,
    /// Go on to the routes below after a match.
    #[serde(rename = "continue")]
    pub continue_: bool,
    /// Mail incidents that are told again after Alertmanager's
    /// `repeat_interval`.
    pub repeat: bool,
}

/// What is written of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteInput {
    /// 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// Matchers as Alertmanager writes them, such as `team="infra"` or
    /// `severity=~"critical|warning"`, all of which must hold. An empty list matches
    /// every alert.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schemas::Matcher>, max_items = 32))]
    pub matchers: Vec<String>,
    /// The groups' numbers. An empty list notifies nobody.
    #[serde(deserialize_with = "crate::whole::list")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schemas::Id>, max_items = 5000))]
    pub group_ids: Vec<i64>,
    /// Left out: false.
    #[serde(rename = "continue", default)]
    pub continue_: bool,
    /// Left out: true.
    #[serde(default = "yes")]
    pub repeat: bool,
    /// Its place in the order, from 1. Left out: last for a new route,
    /// unchanged for another.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::whole::number_or_null"
    )]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub position: Option<i64>,
}

/// The route that comes after all others: alerts go to the group named like their team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TeamRoute {
    /// Whether it is tried.
    pub enabled: bool,
}

/// All routes' numbers in their new order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteOrder {
    /// Every route exactly once.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schemas::Id>, max_items = 5000))]
    #[serde(deserialize_with = "crate::whole::list")]
    pub ids: Vec<i64>,
}

fn yes() -> bool {
    true
}
