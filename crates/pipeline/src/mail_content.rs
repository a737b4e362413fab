//! Converts a stored notification to the content of an e-mail.

use tocsin_mailer::{Address, EventKind as MailKind, Language as MailLanguage, NotifiedAlert};
use tocsin_mailer::{MailContent, Reason};
use tocsin_storage::enums::{EventKind, Language};
use tocsin_storage::outbox::{LeasedNotification, NotificationData, NotifiedEvent};

use crate::PipelineSettings;

/// The mailer's kind of an event; `None` for events without notifications.
pub(crate) fn mail_kind(kind: EventKind) -> Option<MailKind> {
    match kind {
        EventKind::Opened => Some(MailKind::Opened),
        EventKind::Refreshed => Some(MailKind::Refreshed),
        EventKind::Resolved => Some(MailKind::Resolved),
        EventKind::Expired => Some(MailKind::Expired),
        EventKind::Closed => Some(MailKind::Closed),
        EventKind::Acknowledged | EventKind::Unacknowledged => None,
    }
}

/// The content of an e-mail.
pub(crate) fn mail_content(
    settings: &PipelineSettings,
    notification: &LeasedNotification,
    data: NotificationData,
) -> MailContent {
    MailContent {
        from: settings.from.clone(),
        to: Address {
            name: notification.to_name.clone(),
            email: notification.to_email.clone(),
        },
        language: match notification.language {
            Language::En => MailLanguage::En,
            Language::Zh => MailLanguage::Zh,
        },
        // Validated when it was stored, but the zone database may have changed since.
        time_zone: notification.time_zone.parse().unwrap_or(chrono_tz::UTC),
        message_id: notification.message_id.clone(),
        thread_id: notification.thread_id.clone(),
        subject_stem: notification.subject.clone(),
        public_url: settings.public_url.clone(),
        source: data.source,
        receiver: data.receiver,
        events: data.events.into_iter().filter_map(notified_alert).collect(),
        still_firing: usize::try_from(notification.still_firing).unwrap_or_default(),
        still_firing_names: notification.still_firing_names.clone(),
        truncated_alerts: u64::try_from(notification.truncated_alerts).unwrap_or_default(),
        reasons: notification
            .reasons
            .iter()
            .map(|reason| Reason {
                route: reason.route.clone(),
                group: reason.group.clone(),
            })
            .collect(),
        date: notification.created_at.to_datetime(),
        resend: notification.resend,
    }
}

fn notified_alert(event: NotifiedEvent) -> Option<NotifiedAlert> {
    Some(NotifiedAlert {
        event: mail_kind(event.kind)?,
        incident_id: event.incident_id,
        alertname: event.alertname,
        instance: event.instance,
        severity: event.severity,
        team: event.team,
        message: event.message,
        labels: event.labels,
        annotations: event.annotations,
        generator_url: event.generator_url,
        starts_at: event.starts_at.to_datetime(),
        ends_at: event.ends_at.map(|end| end.to_datetime()),
        occurrences: event.times_received,
    })
}
