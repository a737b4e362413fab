//! Recipients, groups and routes of the demo.

use tocsin_core::time::Timestamp;
use tocsin_pipeline::Actor;
use tocsin_pipeline::directory::{
    GroupDraft, MailDefaults, RecipientDraft, RouteDraft, create_group, create_recipient,
    create_route,
};
use tocsin_storage::Db;
use tocsin_storage::enums::Language;

use crate::config::Settings;
use crate::serve::Failure;

/// Name, address, language and time zone.
const RECIPIENTS: &[(&str, &str, Language, &str)] = &[
    (
        "Ada Lovelace",
        "ada@example.com",
        Language::En,
        "Europe/London",
    ),
    (
        "Grace Hopper",
        "grace@example.com",
        Language::En,
        "America/New_York",
    ),
    ("李雷", "lilei@example.com", Language::Zh, "Asia/Shanghai"),
    (
        "韩梅梅",
        "hanmeimei@example.com",
        Language::Zh,
        "Asia/Shanghai",
    ),
    // No longer exists: her notifications fail.
    (
        "Edith Clarke",
        "edith@left.example.com",
        Language::En,
        "UTC",
    ),
];

/// Name, and indexes of the recipients. The team `web` has no group, so that its alerts are
/// unrouted.
const GROUPS: &[(&str, &[usize])] = &[
    ("infra", &[0, 4]),
    ("payments", &[1]),
    ("数据平台", &[2, 3]),
    ("网络", &[2]),
    ("On call", &[0]),
];

/// A route's name, matchers, groups, `continue` and `repeat`.
type RoutePlan = (
    &'static str,
    &'static [&'static str],
    &'static [usize],
    bool,
    bool,
);

const ROUTES: &[RoutePlan] = &[
    (
        "Nothing below a warning",
        &["severity=\"info\""],
        &[],
        false,
        false,
    ),
    (
        "Critical payments page on-call",
        &["team=\"payments\"", "severity=\"critical\""],
        &[4],
        true,
        true,
    ),
    ("Payments", &["team=\"payments\""], &[1], false, false),
    (
        "Infrastructure",
        &["team=\"infra\"", "cluster!=\"staging\""],
        &[0],
        false,
        false,
    ),
    ("数据平台", &["team=\"数据平台\""], &[2], false, false),
    ("网络", &["team=\"网络\""], &[3], false, true),
];

/// Creates them in order.
///
/// # Errors
/// A write that failed.
pub(super) async fn create_recipients_and_routes(
    db: &Db,
    settings: &Settings,
    now: Timestamp,
) -> Result<(), Failure> {
    let actor = &Actor::command_line();
    let wrong = |error| Failure::system("generating the recipients")(std::io::Error::other(error));
    let defaults = MailDefaults {
        language: settings.default_language.into(),
        time_zone: settings.default_time_zone.name().to_owned(),
    };
    let mut recipients = Vec::new();
    for (name, email, language, zone) in RECIPIENTS {
        let draft = RecipientDraft {
            name: (*name).to_owned(),
            email: (*email).to_owned(),
            language: Some(*language),
            time_zone: Some((*zone).to_owned()),
            enabled: Some(true),
            group_ids: None,
        };
        recipients.push(
            create_recipient(db, actor, None, &draft, &defaults, now)
                .await
                .map_err(wrong)?
                .object
                .id,
        );
    }
    let mut groups = Vec::new();
    for (name, members) in GROUPS {
        let draft = GroupDraft {
            name: (*name).to_owned(),
            is_default: None,
            recipient_ids: Some(pick(&recipients, members)),
        };
        let created = create_group(db, actor, None, &draft, now).await;
        groups.push(created.map_err(wrong)?.object.id);
    }
    for (name, matchers, of, go_on, repeat) in ROUTES {
        let draft = RouteDraft {
            name: (*name).to_owned(),
            matchers: matchers
                .iter()
                .map(|matcher| (*matcher).to_owned())
                .collect(),
            group_ids: pick(&groups, of),
            go_on: *go_on,
            repeat: *repeat,
            position: None,
        };
        create_route(db, actor, None, &draft, now)
            .await
            .map_err(wrong)?;
    }
    Ok(())
}

fn pick(ids: &[i64], places: &[usize]) -> Vec<i64> {
    places
        .iter()
        .filter_map(|place| ids.get(*place).copied())
        .collect()
}
