//! From stored mails to what the mailer renders.

use tocsin_mailer::{Address, EventKind as MailKind, Language as MailLanguage, NotifiedAlert};
use tocsin_mailer::{MailContent, Reason};
use tocsin_storage::enums::{EventKind, Language};
use tocsin_storage::outbox::{LeasedNotification, NotificationData, NotifiedEvent};

use crate::PipelineSettings;

/// The mailer's word for an event; `None` for what is never mailed.
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

/// Everything that a mail says.
pub(crate) fn mail_content(
    settings: &PipelineSettings,
    mail: &LeasedNotification,
    material: NotificationData,
) -> MailContent {
    MailContent {
        from: settings.from.clone(),
        to: Address {
            name: mail.to_name.clone(),
            email: mail.to_email.clone(),
        },
        language: match mail.language {
            Language::En => MailLanguage::En,
            Language::Zh => MailLanguage::Zh,
        },
        // It was checked when it was stored; the zone database may have changed.
        time_zone: mail.time_zone.parse().unwrap_or(chrono_tz::UTC),
        message_id: mail.message_id.clone(),
        thread_id: mail.thread_id.clone(),
        subject_stem: mail.subject.clone(),
        public_url: settings.public_url.clone(),
        source: material.source,
        receiver: material.receiver,
        events: material
            .events
            .into_iter()
            .filter_map(alert_facts)
            .collect(),
        still_firing: usize::try_from(mail.still_firing).unwrap_or_default(),
        still_firing_names: mail.still_firing_names.clone(),
        truncated_alerts: u64::try_from(mail.truncated_alerts).unwrap_or_default(),
        reasons: mail
            .reasons
            .iter()
            .map(|reason| Reason {
                route: reason.route.clone(),
                group: reason.group.clone(),
            })
            .collect(),
        date: mail.created_at.to_datetime(),
        resend: mail.resend,
    }
}

fn alert_facts(told: NotifiedEvent) -> Option<NotifiedAlert> {
    Some(NotifiedAlert {
        event: mail_kind(told.kind)?,
        incident_id: told.incident_id,
        alertname: told.alertname,
        instance: told.instance,
        severity: told.severity,
        team: told.team,
        message: told.message,
        labels: told.labels,
        annotations: told.annotations,
        generator_url: told.generator_url,
        starts_at: told.starts_at.to_datetime(),
        ends_at: told.ends_at.map(|end| end.to_datetime()),
        occurrences: told.times_received,
    })
}
