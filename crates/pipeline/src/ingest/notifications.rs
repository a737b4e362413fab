//! From what a batch owes to the rows of the outbox.

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

/// The delivery that owes a mail.
#[derive(Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub(super) delivery: i64,
    pub(super) incoming: &'a PreparedDelivery,
}

/// The mails of a batch, until they are numbered and stored together.
pub(super) struct NotificationBatch<'a> {
    context: &'a Context,
    directory: &'a RoutingTable,
    drafted: Vec<DraftedNotification<'a>>,
    groups: BTreeMap<i64, GroupState>,
    /// Whether mails of earlier deliveries are due now.
    pub(super) released: bool,
}

struct DraftedNotification<'a> {
    envelope: Envelope<'a>,
    recipient: i64,
    thread: String,
    draft: PlannedNotification,
    /// Whether it waits, because it may tell of a stale copy.
    held: bool,
}

impl<'a> NotificationBatch<'a> {
    pub(super) fn new(context: &'a Context, directory: &'a RoutingTable) -> Self {
        Self {
            context,
            directory,
            drafted: Vec::new(),
            groups: BTreeMap::new(),
            released: false,
        }
    }

    /// Takes up what a delivery owes and moves its group's firing period on:
    /// the period begins with the first mail and ends with the delivery that
    /// says the whole group is resolved.
    pub(super) fn draft(&mut self, group: &mut GroupState, envelope: Envelope<'a>, owed: Planned) {
        let before = group.clone();
        if !owed.notifications.is_empty() && !group.firing {
            group.firing = true;
            group.period += 1;
        }
        for ((recipient, held), draft) in owed.notifications {
            let local = format!("thread.{}.{}.{recipient}", group.id, group.period);
            let thread = self.address(&local);
            self.drafted.push(DraftedNotification {
                envelope,
                recipient,
                thread,
                draft,
                held,
            });
        }
        if envelope.incoming.status == Some(Status::Resolved) {
            group.firing = false;
        }
        if *group != before {
            self.groups.insert(group.id, group.clone());
        }
    }

    /// Withdraws what was held back for incidents that turned out to be copies, which
    /// then owe nothing more, and lets go what else was received about.
    pub(super) async fn settle_suspicions(
        &mut self,
        tx: &Tx,
        done: &mut [AlertOutcome],
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let mut copies = Vec::new();
        let mut allayed = Vec::new();
        for one in done.iter() {
            match one.suspicion {
                Suspicion::None | Suspicion::Suspected => {}
                Suspicion::Confirmed(incident) => copies.push(incident),
                Suspicion::Dismissed(incident) => allayed.push(incident),
            }
        }
        let mut withdrawn = ingest::withdraw_held(tx, &copies, now).await?;
        self.released |= ingest::release_held(tx, &allayed, now).await?;
        for mail in self.drafted.iter_mut().filter(|mail| mail.held) {
            let events = &mut mail.draft.events;
            if events.iter().any(|told| allayed.contains(&told.incident)) {
                mail.held = false;
                continue;
            }
            events.retain(|told| {
                let is_copy = copies.contains(&told.incident);
                if is_copy {
                    withdrawn.insert(told.incident);
                }
                !is_copy
            });
        }
        self.drafted.retain(|mail| !mail.draft.events.is_empty());
        for one in done {
            if let Suspicion::Confirmed(incident) = one.suspicion
                && withdrawn.contains(&incident)
            {
                one.event = None;
                one.outcome = Outcome::Duplicate;
            }
        }
        Ok(())
    }

    /// An incident stays in the thread of its opening, whichever receiver's delivery
    /// tells what becomes of it: of one delivery each recipient is owed one mail for
    /// each thread.
    async fn part_by_thread(&mut self, tx: &Tx) -> Result<(), StorageError> {
        let told = self.drafted.iter().flat_map(|mail| &mail.draft.events);
        let later = told.filter(|told| told.kind != EventKind::Opened);
        let later: HashSet<i64> = later.map(|told| told.incident).collect();
        if later.is_empty() {
            return Ok(());
        }
        let mut threads = ingest::incident_threads(tx, later.into_iter().collect()).await?;
        let mut parted = Vec::with_capacity(self.drafted.len());
        for mut mail in std::mem::take(&mut self.drafted) {
            let mut elsewhere: BTreeMap<String, Vec<PlannedEvent>> = BTreeMap::new();
            mail.draft.events.retain(|told| {
                let thread = threads
                    .entry((told.incident, mail.recipient))
                    .or_insert_with(|| mail.thread.clone());
                if *thread == mail.thread {
                    return true;
                }
                elsewhere.entry(thread.clone()).or_default().push(*told);
                false
            });
            for (thread, events) in elsewhere {
                parted.push(DraftedNotification {
                    envelope: mail.envelope,
                    recipient: mail.recipient,
                    thread,
                    draft: PlannedNotification {
                        events,
                        reasons: mail.draft.reasons.clone(),
                        ..PlannedNotification::default()
                    },
                    held: mail.held,
                });
            }
            if !mail.draft.events.is_empty() {
                parted.push(mail);
            }
        }
        self.drafted = parted;
        Ok(())
    }

    /// Puts the mails into the outbox, and answers their changes for the feed.
    /// `entries` are the numbers of the batch's log entries.
    pub(super) async fn save(
        mut self,
        tx: &Tx,
        ids: &mut Ids,
        entries: &[i64],
    ) -> Result<Vec<(i64, Change)>, StorageError> {
        let groups: Vec<GroupState> = self.groups.values().cloned().collect();
        ingest::save_groups(tx, &groups).await?;
        if self.drafted.is_empty() {
            return Ok(Vec::new());
        }
        self.part_by_thread(tx).await?;
        ids.reserve(tx, IdTable::Notifications, self.drafted.len())
            .await?;
        let threads: Vec<String> = self
            .drafted
            .iter()
            .map(|mail| mail.thread.clone())
            .collect();
        let mut subjects = ingest::thread_subjects(tx, &threads).await?;
        let mut rows = Vec::new();
        let mut events = Vec::new();
        for mail in &self.drafted {
            let id = ids.take(IdTable::Notifications);
            let told = mail.draft.events.iter().map(|told| NewNotificationEvent {
                notification_id: id,
                entry_id: entries.get(told.entry).copied().unwrap_or_default(),
                kind: told.kind,
                incident_id: told.incident,
                recipient_id: mail.recipient,
            });
            events.extend(told);
            rows.extend(self.row(id, mail, &mut subjects));
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
        mail: &DraftedNotification<'_>,
        subjects: &mut HashMap<String, String>,
    ) -> Option<NewNotification> {
        let addressee = self.directory.recipients.get(&mail.recipient)?;
        let Envelope { delivery, incoming } = mail.envelope;
        let now = incoming.received_at;
        let subject = subjects
            .entry(mail.thread.clone())
            .or_insert_with(|| thread_subject(&mail.draft.events, &incoming.alerts, now));
        Some(NewNotification {
            id,
            delivery_id: delivery,
            recipient_id: mail.recipient,
            to_name: addressee.name.clone(),
            to_email: addressee.email.clone(),
            language: addressee.language,
            time_zone: addressee.time_zone.clone(),
            message_id: self.address(&id.to_string()),
            thread_id: mail.thread.clone(),
            subject: subject.clone(),
            reasons: mail.draft.reasons_json(),
            still_firing: mail.draft.still_firing,
            still_firing_names: serde_json::json!(mail.draft.still_firing_names).to_string(),
            truncated_alerts: incoming.truncated_alerts,
            created_at: now,
            due_at: match mail.held {
                true => now.plus(self.context.settings.rules.window),
                false => now,
            },
        })
    }

    /// `local.instance@domain`, unique over all databases of the domain.
    fn address(&self, local: &str) -> String {
        self.context.message_ids.of(local)
    }
}

/// A thread's subject: chosen once, from its first mail.
fn thread_subject(events: &[PlannedEvent], alerts: &[PreparedAlert], now: Timestamp) -> String {
    let facts: Vec<NotifiedAlert> = events
        .iter()
        .filter_map(|told| {
            let alert = alerts.get(told.alert)?;
            let facts = alert.content.fields.clone();
            Some(NotifiedAlert {
                event: mail_kind(told.kind)?,
                incident_id: told.incident,
                alertname: facts.alertname,
                instance: facts.instance,
                severity: facts.severity,
                team: facts.team,
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
    subject_stem(&facts)
}
