//! Turns the planned notifications of a batch into outbox rows.

use std::collections::{BTreeMap, HashMap, HashSet};

use tocsin_core::alert::Status;
use tocsin_core::lifecycle::Outcome;
use tocsin_core::time::Timestamp;
use tocsin_mailer::{NotifiedAlert, subject_stem};
use tocsin_storage::changes::Change;
use tocsin_storage::enums::{EventKind, NotificationState};
use tocsin_storage::ingest::{
    self, GroupState, IdTable, Ids, NewNotification, NewNotificationEvent,
};
use tocsin_storage::{StorageError, Tx};

use super::notification_plan::{Planned, PlannedEvent, PlannedNotification};
use super::pending::{AlertOutcome, Suspicion};
use super::prepared::{PreparedAlert, PreparedDelivery};
use super::routing_table::RoutingTable;
use super::writer::Context;
use crate::mail_content::mail_kind;

/// The delivery that triggers a notification.
#[derive(Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub(super) delivery_id: i64,
    pub(super) delivery: &'a PreparedDelivery,
}

/// Notifications of a batch, collected to be stored together.
pub(super) struct NotificationBatch<'a> {
    context: &'a Context,
    routing: &'a RoutingTable,
    drafts: Vec<DraftedNotification<'a>>,
    groups: BTreeMap<i64, GroupState>,
    /// Whether held notifications of earlier deliveries became due.
    pub(super) released: bool,
}

struct DraftedNotification<'a> {
    envelope: Envelope<'a>,
    recipient: i64,
    thread: String,
    planned: PlannedNotification,
    /// Whether it is held, because the incident may be a copy of a stale alert.
    held: bool,
}

impl<'a> NotificationBatch<'a> {
    pub(super) fn new(context: &'a Context, routing: &'a RoutingTable) -> Self {
        Self {
            context,
            routing,
            drafts: Vec::new(),
            groups: BTreeMap::new(),
            released: false,
        }
    }

    /// Adds the planned notifications of a delivery and updates the firing period of
    /// its alert group. A period begins with the first notification and ends with the
    /// delivery that reports the whole group as resolved.
    pub(super) fn add(&mut self, group: &mut GroupState, envelope: Envelope<'a>, planned: Planned) {
        let before = group.clone();
        if !planned.notifications.is_empty() && !group.firing {
            group.firing = true;
            group.period += 1;
        }
        for ((recipient, held), notification) in planned.notifications {
            let local = format!("thread.{}.{}.{recipient}", group.id, group.period);
            let thread = self.message_id(&local);
            self.drafts.push(DraftedNotification {
                envelope,
                recipient,
                thread,
                planned: notification,
                held,
            });
        }
        if envelope.delivery.status == Some(Status::Resolved) {
            group.firing = false;
        }
        if *group != before {
            self.groups.insert(group.id, group.clone());
        }
    }

    /// Cancels held notifications of incidents that turned out to be copies, and
    /// releases those of incidents that were reported again. Confirmed copies trigger
    /// no further notifications.
    pub(super) async fn resolve_suspicions(
        &mut self,
        tx: &Tx,
        outcomes: &mut [AlertOutcome],
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let mut copies = Vec::new();
        let mut dismissed = Vec::new();
        for outcome in outcomes.iter() {
            match outcome.suspicion {
                Suspicion::None | Suspicion::Suspected => {}
                Suspicion::Confirmed(incident) => copies.push(incident),
                Suspicion::Dismissed(incident) => dismissed.push(incident),
            }
        }
        let mut canceled = ingest::withdraw_held(tx, &copies, now).await?;
        self.released |= ingest::release_held(tx, &dismissed, now).await?;
        for notification in self
            .drafts
            .iter_mut()
            .filter(|notification| notification.held)
        {
            let events = &mut notification.planned.events;
            if events
                .iter()
                .any(|event| dismissed.contains(&event.incident))
            {
                notification.held = false;
                continue;
            }
            events.retain(|event| {
                let is_copy = copies.contains(&event.incident);
                if is_copy {
                    canceled.insert(event.incident);
                }
                !is_copy
            });
        }
        self.drafts
            .retain(|notification| !notification.planned.events.is_empty());
        for outcome in outcomes {
            if let Suspicion::Confirmed(incident) = outcome.suspicion
                && canceled.contains(&incident)
            {
                outcome.event = None;
                outcome.outcome = Outcome::Duplicate;
            }
        }
        Ok(())
    }

    /// Splits notifications by e-mail thread: all notifications of an incident stay in
    /// the thread of its opening, even if another receiver's delivery reports them. A
    /// delivery sends each recipient one notification per thread.
    async fn split_by_thread(&mut self, tx: &Tx) -> Result<(), StorageError> {
        let events = self
            .drafts
            .iter()
            .flat_map(|notification| &notification.planned.events);
        let later = events.filter(|event| event.kind != EventKind::Opened);
        let later: HashSet<i64> = later.map(|event| event.incident).collect();
        if later.is_empty() {
            return Ok(());
        }
        let mut threads = ingest::incident_threads(tx, later.into_iter().collect()).await?;
        let mut split = Vec::with_capacity(self.drafts.len());
        for mut notification in std::mem::take(&mut self.drafts) {
            let mut other_threads: BTreeMap<String, Vec<PlannedEvent>> = BTreeMap::new();
            notification.planned.events.retain(|event| {
                let thread = threads
                    .entry((event.incident, notification.recipient))
                    .or_insert_with(|| notification.thread.clone());
                if *thread == notification.thread {
                    return true;
                }
                other_threads
                    .entry(thread.clone())
                    .or_default()
                    .push(*event);
                false
            });
            for (thread, events) in other_threads {
                split.push(DraftedNotification {
                    envelope: notification.envelope,
                    recipient: notification.recipient,
                    thread,
                    planned: PlannedNotification {
                        events,
                        reasons: notification.planned.reasons.clone(),
                        ..PlannedNotification::default()
                    },
                    held: notification.held,
                });
            }
            if !notification.planned.events.is_empty() {
                split.push(notification);
            }
        }
        self.drafts = split;
        Ok(())
    }

    /// Writes the notifications to the outbox and returns the rows of the change feed.
    /// `entry_ids` are the IDs of the batch's log entries.
    pub(super) async fn save(
        mut self,
        tx: &Tx,
        ids: &mut Ids,
        entry_ids: &[i64],
    ) -> Result<Vec<(i64, Change)>, StorageError> {
        let groups: Vec<GroupState> = self.groups.values().cloned().collect();
        ingest::save_groups(tx, &groups).await?;
        if self.drafts.is_empty() {
            return Ok(Vec::new());
        }
        self.split_by_thread(tx).await?;
        ids.reserve(tx, IdTable::Notifications, self.drafts.len())
            .await?;
        let threads: Vec<String> = self
            .drafts
            .iter()
            .map(|notification| notification.thread.clone())
            .collect();
        let mut subjects = ingest::thread_subjects(tx, &threads).await?;
        let mut rows = Vec::new();
        let mut events = Vec::new();
        for notification in &self.drafts {
            let id = ids.take(IdTable::Notifications);
            let rows_of_events =
                notification
                    .planned
                    .events
                    .iter()
                    .map(|event| NewNotificationEvent {
                        notification_id: id,
                        entry_id: entry_ids.get(event.entry).copied().unwrap_or_default(),
                        kind: event.kind,
                        incident_id: event.incident,
                        recipient_id: notification.recipient,
                    });
            events.extend(rows_of_events);
            rows.extend(self.row(id, notification, &mut subjects));
        }
        let queued = Change::Notification {
            state: NotificationState::Queued,
        };
        let changes = rows.iter().map(|row| (row.id, queued.clone())).collect();
        ingest::insert_notifications(tx, rows, &events).await?;
        Ok(changes)
    }

    fn row(
        &self,
        id: i64,
        notification: &DraftedNotification<'_>,
        subjects: &mut HashMap<String, String>,
    ) -> Option<NewNotification> {
        let recipient = self.routing.recipients.get(&notification.recipient)?;
        let Envelope {
            delivery_id,
            delivery,
        } = notification.envelope;
        let now = delivery.received_at;
        let subject = subjects
            .entry(notification.thread.clone())
            .or_insert_with(|| thread_subject(&notification.planned.events, &delivery.alerts, now));
        Some(NewNotification {
            id,
            delivery_id,
            recipient_id: notification.recipient,
            to_name: recipient.name.clone(),
            to_email: recipient.email.clone(),
            language: recipient.language,
            time_zone: recipient.time_zone.clone(),
            message_id: self.message_id(&id.to_string()),
            thread_id: notification.thread.clone(),
            subject: subject.clone(),
            reasons: notification.planned.reasons_json(),
            still_firing: notification.planned.still_firing,
            still_firing_names: serde_json::json!(notification.planned.still_firing_names)
                .to_string(),
            truncated_alerts: delivery.truncated_alerts,
            created_at: now,
            due_at: match notification.held {
                true => now.plus(self.context.settings.rules.window),
                false => now,
            },
        })
    }

    /// `local.instance@domain`, unique across all databases of the domain.
    fn message_id(&self, local: &str) -> String {
        self.context.message_ids.of(local)
    }
}

/// Subject of a thread, set by its first notification.
fn thread_subject(events: &[PlannedEvent], alerts: &[PreparedAlert], now: Timestamp) -> String {
    let notified: Vec<NotifiedAlert> = events
        .iter()
        .filter_map(|event| {
            let alert = alerts.get(event.alert)?;
            let fields = alert.content.fields.clone();
            Some(NotifiedAlert {
                event: mail_kind(event.kind)?,
                incident_id: event.incident,
                alertname: fields.alertname,
                instance: fields.instance,
                severity: fields.severity,
                team: fields.team,
                message: alert.content.message.clone(),
                labels: alert.labels().into_owned(),
                annotations: BTreeMap::new(),
                generator_url: alert.content.generator_url.clone(),
                starts_at: alert.update.starts_at.unwrap_or(now).to_datetime(),
                ends_at: alert.update.ends_at.map(Timestamp::to_datetime),
                occurrences: 1,
            })
        })
        .collect();
    subject_stem(&notified)
}
