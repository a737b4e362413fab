//! The first schema. ARCHITECTURE.md says why it has this shape; in short:
//! what repeats (label sets, annotations) is stored once under its digest, and
//! a log entry is a small row that points to it.
//!
//! All times are microseconds since the Unix epoch, UTC. JSON is kept as text,
//! because nothing asks the database to look into it.

use sea_orm_migration::prelude::*;

use crate::dialect;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_initial"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for part in [ALERTS, DELIVERIES, DIRECTORY, OUTBOX, FEED] {
            dialect::run(manager, part).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.iter().rev() {
            dialect::run(manager, &format!("DROP TABLE {table}")).await?;
        }
        Ok(())
    }
}

const TABLES: [&str; 23] = [
    "label_sets",
    "labels",
    "label_set_labels",
    "annotation_sets",
    "series",
    "senders",
    "sender_states",
    "incidents",
    "log_entries",
    "incident_events",
    "deliveries",
    "delivery_bodies",
    "recipients",
    "recipient_groups",
    "group_members",
    "routes",
    "route_groups",
    "alert_groups",
    "notifications",
    "notification_events",
    "attempts",
    "changes",
    "meta",
];

/// The alerts themselves: who they are, what was said of them, and the
/// incidents that it folds into.
///
/// No foreign keys here: a batch writes a dozen rows for a new alert, and a
/// look-up for each reference would cost as much again. One writer makes all
/// of them, from ids that it has just read or written. What people edit (the
/// directory) has them.
const ALERTS: &str = "
CREATE TABLE label_sets (
    id {key},
    digest {bytes} NOT NULL UNIQUE,
    labels TEXT NOT NULL,
    alertname TEXT NOT NULL,
    instance TEXT NOT NULL,
    severity TEXT NOT NULL,
    team TEXT NOT NULL,
    search TEXT NOT NULL
);
CREATE INDEX label_sets_alertname ON label_sets {any_length} (alertname);
CREATE INDEX label_sets_instance ON label_sets {any_length} (instance);
CREATE INDEX label_sets_severity ON label_sets {any_length} (severity);
CREATE INDEX label_sets_team ON label_sets {any_length} (team);

CREATE TABLE labels (
    id {key},
    digest {bytes} NOT NULL UNIQUE,
    name TEXT NOT NULL,
    value TEXT NOT NULL
);
CREATE INDEX labels_name ON labels {any_length} (name);

CREATE TABLE label_set_labels (
    label_id BIGINT NOT NULL,
    label_set_id BIGINT NOT NULL,
    PRIMARY KEY (label_id, label_set_id)
);

CREATE TABLE annotation_sets (
    id {key},
    digest {bytes} NOT NULL UNIQUE,
    annotations TEXT NOT NULL,
    generator_url TEXT NOT NULL,
    message TEXT NOT NULL,
    search TEXT NOT NULL
);

CREATE TABLE series (
    id {key},
    source TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    last_incident_id BIGINT,
    UNIQUE (source, fingerprint)
);

CREATE TABLE senders (
    id {key},
    digest {bytes} NOT NULL UNIQUE,
    source TEXT NOT NULL,
    external_url TEXT NOT NULL
);

CREATE TABLE sender_states (
    series_id BIGINT NOT NULL,
    sender_id BIGINT NOT NULL,
    status SMALLINT NOT NULL,
    starts_at BIGINT,
    ends_at BIGINT,
    said_at BIGINT NOT NULL,
    late BOOLEAN NOT NULL,
    incident_id BIGINT,
    closed_incident_id BIGINT,
    PRIMARY KEY (series_id, sender_id)
);

CREATE TABLE incidents (
    id {key},
    series_id BIGINT NOT NULL,
    state SMALLINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT,
    not_before BIGINT,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    last_entry_at BIGINT NOT NULL,
    occurrences BIGINT NOT NULL,
    senders BIGINT NOT NULL,
    previous_id BIGINT,
    label_set_id BIGINT NOT NULL,
    annotation_set_id BIGINT NOT NULL,
    known_at BIGINT,
    known_by TEXT,
    memo TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX incidents_one_open ON incidents (series_id) WHERE state = 0;
CREATE INDEX incidents_series ON incidents (series_id, id);
CREATE INDEX incidents_last_seen ON incidents (last_seen_at, id);
CREATE INDEX incidents_state ON incidents (state, last_seen_at, id);
CREATE INDEX incidents_starts ON incidents (starts_at, id);
CREATE INDEX incidents_occurrences ON incidents (occurrences, id);
CREATE INDEX incidents_label_set ON incidents (label_set_id);

CREATE TABLE log_entries (
    id {key},
    delivery_id BIGINT NOT NULL,
    incident_id BIGINT NOT NULL,
    label_set_id BIGINT NOT NULL,
    annotation_set_id BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    status SMALLINT NOT NULL,
    kind SMALLINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT
);
CREATE INDEX log_entries_received ON log_entries (received_at, id);
CREATE INDEX log_entries_incident ON log_entries (incident_id, received_at, id);
CREATE INDEX log_entries_label_set ON log_entries (label_set_id, received_at, id);

CREATE TABLE incident_events (
    id {key},
    incident_id BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    at BIGINT NOT NULL,
    delivery_id BIGINT,
    entry_id BIGINT,
    person TEXT,
    memo TEXT
);
CREATE INDEX incident_events_incident ON incident_events (incident_id, at, id);
CREATE UNIQUE INDEX incident_events_once ON incident_events (incident_id, kind)
    WHERE kind IN (0, 2, 3);
CREATE UNIQUE INDEX incident_events_refreshed ON incident_events (incident_id, delivery_id)
    WHERE kind = 1
";

/// What arrived, with the raw bodies apart so that they can be pruned.
const DELIVERIES: &str = "
CREATE TABLE deliveries (
    id {key},
    received_at BIGINT NOT NULL,
    source TEXT NOT NULL,
    sender_id BIGINT,
    outcome SMALLINT NOT NULL,
    reason TEXT,
    receiver TEXT NOT NULL,
    group_key TEXT NOT NULL,
    status SMALLINT,
    version TEXT NOT NULL,
    alerts BIGINT NOT NULL,
    truncated_alerts BIGINT NOT NULL,
    opened BIGINT NOT NULL,
    resolved BIGINT NOT NULL,
    refreshed BIGINT NOT NULL,
    updated BIGINT NOT NULL DEFAULT 0,
    seen_again BIGINT NOT NULL,
    late BIGINT NOT NULL,
    rejected TEXT NOT NULL,
    unrouted BIGINT NOT NULL,
    body_bytes BIGINT NOT NULL
);
CREATE INDEX deliveries_received ON deliveries (received_at, id);
CREATE INDEX deliveries_outcome ON deliveries (outcome, id);

CREATE TABLE delivery_bodies (
    delivery_id BIGINT PRIMARY KEY,
    received_at BIGINT NOT NULL,
    refused BOOLEAN NOT NULL,
    body {bytes} NOT NULL
);
CREATE INDEX delivery_bodies_received ON delivery_bodies (received_at)
";

/// Who is mailed, and about what.
const DIRECTORY: &str = "
CREATE TABLE recipients (
    id {key},
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    language SMALLINT NOT NULL,
    time_zone TEXT NOT NULL,
    enabled BOOLEAN NOT NULL
);

CREATE TABLE recipient_groups (
    id {key},
    name TEXT NOT NULL UNIQUE,
    is_default BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX recipient_groups_one_default ON recipient_groups (is_default) WHERE is_default;

CREATE TABLE group_members (
    group_id BIGINT NOT NULL REFERENCES recipient_groups (id),
    recipient_id BIGINT NOT NULL REFERENCES recipients (id),
    PRIMARY KEY (group_id, recipient_id)
);

CREATE TABLE routes (
    id {key},
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    matchers TEXT NOT NULL,
    go_on BOOLEAN NOT NULL,
    repeat BOOLEAN NOT NULL
);

CREATE TABLE route_groups (
    route_id BIGINT NOT NULL REFERENCES routes (id),
    group_id BIGINT NOT NULL REFERENCES recipient_groups (id),
    PRIMARY KEY (route_id, group_id)
)
";

/// The mail that is owed, and every attempt to send it.
const OUTBOX: &str = "
CREATE TABLE alert_groups (
    id {key},
    digest {bytes} NOT NULL UNIQUE,
    source TEXT NOT NULL,
    receiver TEXT NOT NULL,
    group_key TEXT NOT NULL,
    period BIGINT NOT NULL DEFAULT 0,
    firing BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE TABLE notifications (
    id {key},
    state SMALLINT NOT NULL,
    delivery_id BIGINT NOT NULL,
    recipient_id BIGINT,
    to_name TEXT NOT NULL,
    to_email TEXT NOT NULL,
    language SMALLINT NOT NULL,
    time_zone TEXT NOT NULL,
    message_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    reasons TEXT NOT NULL,
    still_firing BIGINT NOT NULL,
    still_firing_names TEXT NOT NULL,
    truncated_alerts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    next_attempt_at BIGINT,
    tries BIGINT NOT NULL,
    lease_token TEXT,
    lease_until BIGINT,
    resend_of BIGINT
);
CREATE INDEX notifications_due ON notifications (state, next_attempt_at);
CREATE INDEX notifications_created ON notifications (created_at, id);
CREATE INDEX notifications_delivery ON notifications (delivery_id);
CREATE INDEX notifications_thread ON notifications (thread_id);
CREATE INDEX notifications_recipient ON notifications (recipient_id);

CREATE TABLE notification_events (
    notification_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    recipient_id BIGINT NOT NULL,
    resend BOOLEAN NOT NULL,
    PRIMARY KEY (notification_id, event_id)
);
CREATE UNIQUE INDEX notification_events_once ON notification_events (event_id, recipient_id)
    WHERE NOT resend;
CREATE INDEX notification_events_event ON notification_events (event_id);

CREATE TABLE attempts (
    id {key},
    notification_id BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    error TEXT
);
CREATE INDEX attempts_notification ON attempts (notification_id, id)
";

/// The change feed, and the few values that have no table of their own.
///
/// `transaction_id` is the writing transaction's number on PostgreSQL, where ids
/// are handed out before commits and a reader in id order would skip a late
/// one; it is 0 on SQLite, whose writers take turns.
const FEED: &str = "
CREATE TABLE changes (
    id {key},
    transaction_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    object_id BIGINT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX changes_order ON changes (transaction_id, id);
CREATE INDEX changes_at ON changes (at);

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
)
";
