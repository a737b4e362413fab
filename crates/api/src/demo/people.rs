//! Who is mailed in the demo, and about what.

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

/// Name, address, language, zone.
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
    // Has left: her mails fail.
    (
        "Edith Clarke",
        "edith@left.example.com",
        Language::En,
        "UTC",
    ),
];

/// Name, and which of the recipients are in it. The team `web` has none, so
/// that its alerts show what "unrouted" looks like.
const GROUPS: &[(&str, &[usize])] = &[
    ("infra", &[0, 4]),
    ("payments", &[1]),
    ("数据平台", &[2, 3]),
    ("网络", &[2]),
    ("On call", &[0]),
];

/// A route's name, matchers, groups, whether it goes on, whether it repeats.
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
        "Critical payments wake somebody",
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

/// Puts them in, in order.
///
/// # Errors
/// Whatever could not be stored.
pub(super) async fn settle_in(db: &Db, settings: &Settings, now: Timestamp) -> Result<(), Failure> {
    let actor = &Actor::command_line();
    let wrong = |error| Failure::system("making up people")(std::io::Error::other(error));
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
        let made = create_group(db, actor, None, &draft, now).await;
        groups.push(made.map_err(wrong)?.object.id);
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
