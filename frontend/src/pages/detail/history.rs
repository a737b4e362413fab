use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use tocsin_api_types::{
    Alert, EntryKind, EventKind, Incident, IncidentDetail, IncidentEvent, Notification, Reason,
};
use yew::prelude::*;

use crate::{
    components::{IconName, icon, notification_badge, time},
    i18n::Words,
    state::View,
};

/// An item of the timeline.
struct TimelineItem {
    at: DateTime<Utc>,
    icon: IconName,
    class: &'static str,
    text: Html,
}

/// The timeline of an incident, newest first: log entries, notifications and events.
/// `earlier` are entries loaded from further pages.
pub fn history(words: &View, detail: &IncidentDetail, earlier: &[Alert]) -> Html {
    // New entries push older ones from the first page into those already loaded.
    let first = &detail.entries.items;
    let shown: BTreeSet<i64> = first.iter().map(|entry| entry.id).collect();
    let earlier = earlier.iter().filter(|entry| !shown.contains(&entry.id));
    let entries = first.iter().chain(earlier);
    let mut list: Vec<TimelineItem> = entries.map(|entry| entry_item(entry, words)).collect();
    list.extend(
        detail
            .notifications
            .iter()
            .map(|notification| notification_item(notification, words)),
    );
    list.extend(
        detail
            .events
            .iter()
            .filter_map(|event| event_item(event, words)),
    );
    list.push(start_item(&detail.incident, words));
    // A stable sort keeps the order of items with the same time.
    list.sort_by_key(|item| std::cmp::Reverse(item.at));
    html! {
        <ol class="history">
            { for list.into_iter().map(|item| html! {
                <li class={item.class}>
                    { icon(item.icon) }
                    <div class="grow min-w-0">{ item.text }</div>
                    <span class="muted">{ time(words, item.at) }</span>
                </li>
            }) }
        </ol>
    }
}

fn entry_item(entry: &Alert, words: &View) -> TimelineItem {
    let (icon, class) = match entry.kind {
        EntryKind::Opened => (IconName::Flame, "is-fired"),
        EntryKind::Refreshed => (IconName::Refresh, ""),
        EntryKind::Resolved => (IconName::Check, "is-resolved"),
        EntryKind::Late => (IconName::Clock, ""),
        EntryKind::Updated => (IconName::Pencil, ""),
    };
    TimelineItem {
        at: entry.received_at,
        icon,
        class,
        text: html! {
            <><span class="strong">{ (words.common.kind)(entry.kind) }</span>{ " " }
            <span class="muted break-words">{ &entry.message }</span></>
        },
    }
}

fn notification_item(notification: &Notification, words: &View) -> TimelineItem {
    let reasons: Vec<String> = notification
        .reasons
        .iter()
        .map(|reason| reason_text(reason, words))
        .collect();
    let error = notification
        .attempts
        .last()
        .and_then(|attempt| attempt.error.clone());
    TimelineItem {
        at: notification.created_at,
        icon: IconName::Mail,
        class: "",
        text: html! {
            <>
                { (words.detail.notification_to)(&notification.recipient_name) }{ " " }{ notification_badge(words, notification.state) }
                <span class="muted block text-sm break-words">{ reasons.join(" · ") }</span>
                if let Some(error) = error {
                    <span class="block text-sm text-error break-words">{ error }</span>
                }
            </>
        },
    }
}

/// Why a notification was sent.
pub fn reason_text(reason: &Reason, words: &Words) -> String {
    match &reason.route {
        Some(route) => (words.detail.because_route)(route, &reason.group),
        None => (words.detail.because_group)(&reason.group),
    }
}

/// Events without a log entry: user actions and expiry.
fn event_item(event: &IncidentEvent, words: &View) -> Option<TimelineItem> {
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
        EventKind::Unacknowledged => (words.detail.unacknowledged_by)(by),
        EventKind::Closed => (words.detail.closed_by)(by),
        _ => words.detail.expired.to_owned(),
    };
    Some(TimelineItem {
        at: event.at,
        icon,
        class,
        text: html! {
            <><span class="strong">{ text }</span>{ " " }
            <span class="muted break-words">{ event.memo.clone().unwrap_or_default() }</span></>
        },
    })
}

/// The start of the alert, before it was first received.
fn start_item(incident: &Incident, words: &View) -> TimelineItem {
    TimelineItem {
        at: incident.starts_at,
        icon: IconName::Dot,
        class: "",
        text: html! { { words.detail.alert_started } },
    }
}
