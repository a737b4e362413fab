use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use tocsin_api_types::{
    Alert, EntryKind, EventKind, Incident, IncidentDetail, IncidentEvent, Notification, Reason,
};
use yew::prelude::*;

use crate::{
    components::{IconName, icon, mail_state, time},
    i18n::Words,
    state::View,
};

/// One thing that happened.
struct Happened {
    at: DateTime<Utc>,
    icon: IconName,
    class: &'static str,
    text: Html,
}

/// What happened in an episode, newest first: what was told, who was mailed,
/// who acknowledged. `earlier` are entries that were read further back.
pub fn history(words: &View, detail: &IncidentDetail, earlier: &[Alert]) -> Html {
    // News push entries from the first page into those read further back.
    let first = &detail.entries.items;
    let shown: BTreeSet<i64> = first.iter().map(|entry| entry.id).collect();
    let earlier = earlier.iter().filter(|entry| !shown.contains(&entry.id));
    let entries = first.iter().chain(earlier);
    let mut list: Vec<Happened> = entries.map(|entry| told(entry, words)).collect();
    list.extend(detail.notifications.iter().map(|mail| mailed(mail, words)));
    list.extend(
        detail
            .events
            .iter()
            .filter_map(|event| untold(event, words)),
    );
    list.push(began(&detail.incident, words));
    // Stable, so that what came in one moment stays in its order.
    list.sort_by_key(|happened| std::cmp::Reverse(happened.at));
    html! {
        <ol class="history">
            { for list.into_iter().map(|happened| html! {
                <li class={happened.class}>
                    { icon(happened.icon) }
                    <div class="grow min-w-0">{ happened.text }</div>
                    <span class="muted">{ time(words, happened.at) }</span>
                </li>
            }) }
        </ol>
    }
}

fn told(entry: &Alert, words: &View) -> Happened {
    let (icon, class) = match entry.kind {
        EntryKind::Opened => (IconName::Flame, "is-fired"),
        EntryKind::Refreshed => (IconName::Refresh, ""),
        EntryKind::Resolved => (IconName::Check, "is-resolved"),
        EntryKind::Late => (IconName::Clock, ""),
        EntryKind::Updated => (IconName::Pencil, ""),
    };
    Happened {
        at: entry.received_at,
        icon,
        class,
        text: html! {
            <><span class="strong">{ (words.common.kind)(entry.kind) }</span>{ " " }
            <span class="muted break-words">{ &entry.message }</span></>
        },
    }
}

fn mailed(mail: &Notification, words: &View) -> Happened {
    let reasons: Vec<String> = mail
        .reasons
        .iter()
        .map(|reason| reason_text(reason, words))
        .collect();
    let error = mail
        .attempts
        .last()
        .and_then(|attempt| attempt.error.clone());
    Happened {
        at: mail.created_at,
        icon: IconName::Mail,
        class: "",
        text: html! {
            <>
                { (words.detail.mail_to)(&mail.recipient_name) }{ " " }{ mail_state(words, mail.state) }
                <span class="muted block text-sm break-words">{ reasons.join(" · ") }</span>
                if let Some(error) = error {
                    <span class="block text-sm text-error break-words">{ error }</span>
                }
            </>
        },
    }
}

/// Why somebody got a mail.
pub fn reason_text(reason: &Reason, words: &Words) -> String {
    match &reason.route {
        Some(route) => (words.detail.because_route)(route, &reason.group),
        None => (words.detail.because_group)(&reason.group),
    }
}

/// What no entry tells: what people did, and an end that was never told.
fn untold(event: &IncidentEvent, words: &View) -> Option<Happened> {
    let (icon, class) = match event.kind {
        EventKind::Acknowledged => (IconName::User, "is-known"),
        EventKind::Unacknowledged => (IconName::Undo, ""),
        EventKind::Expired => (IconName::Expired, ""),
        EventKind::Closed => (IconName::Close, "is-known"),
        EventKind::Opened | EventKind::Refreshed | EventKind::Resolved => return None,
    };
    let by = event.by.as_deref().unwrap_or(words.common.unknown);
    let text = match event.kind {
        EventKind::Acknowledged => (words.common.acknowledged_by)(by),
        EventKind::Unacknowledged => (words.detail.taken_back_by)(by),
        EventKind::Closed => (words.detail.closed_by)(by),
        _ => words.detail.expired.to_owned(),
    };
    Some(Happened {
        at: event.at,
        icon,
        class,
        text: html! {
            <><span class="strong">{ text }</span>{ " " }
            <span class="muted break-words">{ event.memo.clone().unwrap_or_default() }</span></>
        },
    })
}

/// The alert's own beginning, before anybody told of it.
fn began(incident: &Incident, words: &View) -> Happened {
    Happened {
        at: incident.starts_at,
        icon: IconName::Dot,
        class: "",
        text: html! { { words.detail.began } },
    }
}
