use serde::{Deserialize, Serialize};

/// Language of notifications and web pages.
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

/// Reference to a recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecipientRef {
    /// ID of the recipient.
    pub id: i64,
    /// Name of the recipient.
    pub name: String,
}

/// Reference to a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupRef {
    /// ID of the group.
    pub id: i64,
    /// Name of the group.
    pub name: String,
}

/// A recipient of notifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// ID of the recipient.
    pub id: i64,
    /// Name of the recipient. 1 to 100 characters.
    pub name: String,
    /// E-mail address. Unique among recipients.
    pub email: String,
    /// Language of notifications.
    pub language: Language,
    /// IANA time zone of times in notifications, such as `Asia/Shanghai`.
    pub time_zone: String,
    /// Whether notifications are sent to this recipient.
    pub enabled: bool,
    /// Groups that the recipient is a member of.
    pub groups: Vec<GroupRef>,
}

/// Parameters for creating or updating a recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecipientInput {
    /// Name of the recipient. 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// E-mail address. Up to 254 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Email))]
    pub email: String,
    /// Language of notifications. Defaults to the setting `mail.default_language`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// IANA time zone. Defaults to the setting `mail.default_time_zone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schemas::TimeZone>))]
    pub time_zone: Option<String>,
    /// Whether notifications are sent to this recipient. Defaults to true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// IDs of the recipient's groups. If omitted: none on create, unchanged on
    /// update.
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
    /// ID of the group.
    pub id: i64,
    /// Name of the group. Unique.
    pub name: String,
    /// Whether this is the default group, which is notified of alerts that match no
    /// route. At most one group is the default.
    pub is_default: bool,
    /// Members of the group.
    pub recipients: Vec<RecipientRef>,
}

/// Parameters for creating or updating a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupInput {
    /// Name of the group. 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// Whether this is the default group. If true, the previous default group loses
    /// that role. If omitted: false on create, unchanged on update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
    /// IDs of the group's recipients. If omitted: none on create, unchanged on
    /// update.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::whole::list_or_null"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<crate::schemas::Id>>, max_items = 5000))]
    pub recipient_ids: Option<Vec<i64>>,
}

/// A route: the groups to notify of matching alerts. Routes are evaluated in order
/// until the first match; evaluation continues after a match if `continue` is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// ID of the route.
    pub id: i64,
    /// Position in the order of evaluation, starting at 1.
    pub position: i64,
    /// Name of the route. 1 to 100 characters.
    pub name: String,
    /// Alertmanager matchers. An alert must match all of them; an empty list matches
    /// every alert.
    pub matchers: Vec<String>,
    /// Groups to notify. If empty, matching alerts notify no one.
    pub groups: Vec<GroupRef>,
    /// Whether to evaluate the following routes after a match.
    #[serde(rename = "continue")]
    pub continue_: bool,
    /// Whether to notify again when Alertmanager resends an incident after its
    /// `repeat_interval`.
    pub repeat: bool,
}

/// Parameters for creating or updating a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteInput {
    /// Name of the route. 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// Alertmanager matchers, such as `team="infra"` or
    /// `severity=~"critical|warning"`. An alert must match all of them; an empty list
    /// matches every alert.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schemas::Matcher>, max_items = 32))]
    pub matchers: Vec<String>,
    /// IDs of the groups to notify. If empty, matching alerts notify no one.
    #[serde(deserialize_with = "crate::whole::list")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schemas::Id>, max_items = 5000))]
    pub group_ids: Vec<i64>,
    /// Whether to evaluate the following routes after a match. Defaults to false.
    #[serde(rename = "continue", default)]
    pub continue_: bool,
    /// Whether to notify again when Alertmanager resends an incident after its
    /// `repeat_interval`. Defaults to true.
    #[serde(default = "yes")]
    pub repeat: bool,
    /// Position in the order of evaluation, starting at 1. If omitted: last on
    /// create, unchanged on update.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::whole::number_or_null"
    )]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub position: Option<i64>,
}

/// The built-in route that is evaluated after all others: alerts go to the group
/// with the same name as their team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TeamRoute {
    /// Whether the team route is enabled.
    pub enabled: bool,
}

/// Parameters for reordering the routes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteOrder {
    /// IDs of all routes in their new order. Each route exactly once.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schemas::Id>, max_items = 5000))]
    #[serde(deserialize_with = "crate::whole::list")]
    pub ids: Vec<i64>,
}

fn yes() -> bool {
    true
}
