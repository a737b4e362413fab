//! Cache of routes, groups and recipients, reloaded after they change.

use std::collections::HashMap;

use tocsin_core::matcher::Matcher;
use tocsin_core::routing::{GroupRule, RouteRule, RoutingRules};
use tocsin_storage::enums::Language;
use tocsin_storage::{StorageError, Tx, directory};

/// A recipient, as notifications need it.
#[derive(Clone, Debug)]
pub(super) struct RecipientInfo {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) language: Language,
    pub(super) time_zone: String,
}

/// Routes, groups and recipients at one version of the directory.
#[derive(Debug, Default)]
pub(super) struct RoutingTable {
    version: Option<i64>,
    pub(super) rules: RoutingRules,
    /// Whether there are routes.
    pub(super) has_routes: bool,
    pub(super) recipients: HashMap<i64, RecipientInfo>,
}

impl RoutingTable {
    /// Reloads if the directory version that `tx` sees is another one.
    pub(super) async fn refresh(&mut self, tx: &Tx) -> Result<(), StorageError> {
        let version = directory::version(tx).await?;
        if self.version == Some(version) {
            return Ok(());
        }
        let rows = directory::load_plan_rows(tx).await?;
        let mut recipients = HashMap::new();
        let groups = rows
            .groups
            .into_iter()
            .map(|group| {
                let recipient_ids = group
                    .recipients
                    .iter()
                    .map(|recipient| recipient.id)
                    .collect();
                for recipient in group.recipients {
                    let info = RecipientInfo {
                        name: recipient.name,
                        email: recipient.email,
                        language: recipient.language,
                        time_zone: recipient.time_zone,
                    };
                    recipients.insert(recipient.id, info);
                }
                GroupRule {
                    id: group.id,
                    name: group.name,
                    is_default: group.is_default,
                    recipient_ids,
                }
            })
            .collect();
        let routes = rows.routes.into_iter().filter_map(|route| {
            // Matchers were validated when the route was stored.
            let matchers: Result<Vec<Matcher>, _> =
                route.matchers.iter().map(|text| text.parse()).collect();
            match matchers {
                Ok(matchers) => Some(RouteRule {
                    id: route.id,
                    name: route.name,
                    matchers,
                    group_ids: route.group_ids,
                    continue_: route.go_on,
                    repeat: route.repeat,
                }),
                Err(error) => {
                    tracing::error!(route = route.id, %error, "a stored route cannot be read");
                    None
                }
            }
        });
        let routes: Vec<RouteRule> = routes.collect();
        self.has_routes = !routes.is_empty();
        self.rules = RoutingRules::new(routes, groups, rows.team_route);
        self.recipients = recipients;
        self.version = Some(version);
        Ok(())
    }
}
