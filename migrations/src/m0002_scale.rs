//! The shape for ten million entries: few, small rows for an alert, and what
//! is derived from them apart. docs/adr/0001-storage.md has the figures.
//!
//! * `series` holds an alert's labels, and what was told with them first;
//!   `tellings` what was told later, where it differs. So a new alert is three
//!   rows (series, incident, log entry), a repeated one a single small one.
//! * What each sender last said (`told`) lies with the latest incident, which
//!   judging reads anyway.
//! * A log entry is itself the event that it tells of its incident;
//!   `incident_events` keeps what no entry tells.
//! * `backlog`, `rollups` and `search_*` are derived: ingest adds one row to
//!   the backlog for a batch, and a worker folds it into the roll-ups and the
//!   search index later. Whoever reads adds what is not folded yet.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::dialect;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0002_scale"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let words = match manager.get_database_backend() {
            DbBackend::Postgres => POSTGRES,
            _ => SQLITE,
        };
        for part in [
            MOVE_ASIDE,
            ALERTS,
            DERIVED,
            TELLINGS,
            COPY,
            DROP,
            INDEXES,
            words.numbers,
        ] {
            dialect::run(manager, &words.adapt(part)).await?;
        }
        Ok(())
    }
}

/// What the databases say differently, only here.
struct Words {
    /// SQLite's indexes end in the row's number by themselves.
    then_id: &'static str,
    fingerprint: &'static str,
    nothing: &'static str,
    list: &'static str,
    all_told: &'static str,
    range: &'static str,
    numbers: &'static str,
}

impl Words {
    fn adapt(&self, sql: &str) -> String {
        sql.replace("{then_id}", self.then_id)
            .replace("{fingerprint}", self.fingerprint)
            .replace("{nothing}", self.nothing)
            .replace("{list}", self.list)
            .replace("{all_told}", self.all_told)
            .replace("{range}", self.range)
    }
}

const SQLITE: Words = Words {
    then_id: "",
    fingerprint: "unhex(s.fingerprint)",
    nothing: "x''",
    list: "json_array",
    all_told: "json_group_array(json(m.one))",
    range: "CAST(json_array(MIN(id), MAX(id)) AS BLOB)",
    numbers: "",
};

const POSTGRES: Words = Words {
    then_id: ", id",
    fingerprint: "decode(s.fingerprint, 'hex')",
    nothing: "CAST('' AS BYTEA)",
    list: "json_build_array",
    all_told: "CAST(json_agg(m.one) AS TEXT)",
    range: "convert_to(CAST(json_build_array(MIN(id), MAX(id)) AS TEXT), 'UTF8')",
    numbers: "
SELECT setval(pg_get_serial_sequence('series', 'id'), MAX(id)) FROM series HAVING MAX(id) > 0;
SELECT setval(pg_get_serial_sequence('tellings', 'id'), MAX(id)) FROM tellings HAVING MAX(id) > 0;
SELECT setval(pg_get_serial_sequence('incidents', 'id'), MAX(id)) FROM incidents HAVING MAX(id) > 0;
SELECT setval(pg_get_serial_sequence('log_entries', 'id'), MAX(id)) FROM log_entries HAVING MAX(id) > 0;
SELECT setval(pg_get_serial_sequence('incident_events', 'id'), MAX(id)) FROM incident_events HAVING MAX(id) > 0",
};

const MOVE_ASIDE: &str = "
ALTER TABLE series RENAME TO old_series;
ALTER TABLE incidents RENAME TO old_incidents;
ALTER TABLE log_entries RENAME TO old_log_entries;
ALTER TABLE incident_events RENAME TO old_incident_events;
ALTER TABLE notification_events RENAME TO old_notification_events
";

/// `content` is the digest of what was told, by which a repeat is known
/// (`core::digest`); empty where it was never reckoned. `told` is the memory of
/// judging, as JSON: a list of [sender, status, starts at, ends at, said at,
/// late, incident, closed incident].
const ALERTS: &str = "
CREATE TABLE series (
    id {key},
    source TEXT NOT NULL,
    fingerprint {bytes} NOT NULL,
    content {bytes} NOT NULL,
    labels TEXT NOT NULL,
    annotations TEXT NOT NULL,
    generator_url TEXT NOT NULL,
    message TEXT NOT NULL,
    alertname TEXT NOT NULL,
    instance TEXT NOT NULL,
    severity TEXT NOT NULL,
    team TEXT NOT NULL
);

CREATE TABLE tellings (
    id {key},
    series_id BIGINT NOT NULL,
    annotations TEXT NOT NULL,
    generator_url TEXT NOT NULL,
    message TEXT NOT NULL,
    labels TEXT,
    alertname TEXT,
    instance TEXT,
    severity TEXT,
    team TEXT
);

CREATE TABLE incidents (
    id {key},
    series_id BIGINT NOT NULL,
    episode BIGINT NOT NULL,
    state SMALLINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT,
    reported_end BIGINT,
    closed_at BIGINT,
    end_reason SMALLINT,
    latest_start BIGINT,
    previous_end BIGINT,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    last_entry_at BIGINT NOT NULL,
    updated_at BIGINT,
    occurrences BIGINT NOT NULL,
    senders BIGINT NOT NULL,
    previous_id BIGINT,
    telling_id BIGINT,
    content {bytes} NOT NULL,
    told TEXT NOT NULL,
    known_at BIGINT,
    known_by TEXT,
    memo TEXT NOT NULL DEFAULT ''
);

CREATE TABLE log_entries (
    id {key},
    delivery_id BIGINT NOT NULL,
    incident_id BIGINT NOT NULL,
    series_id BIGINT NOT NULL,
    telling_id BIGINT,
    received_at BIGINT NOT NULL,
    status SMALLINT NOT NULL,
    kind SMALLINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT
);

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

CREATE TABLE notification_events (
    notification_id BIGINT NOT NULL,
    entry_id BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    incident_id BIGINT NOT NULL,
    recipient_id BIGINT NOT NULL,
    resend BOOLEAN NOT NULL,
    PRIMARY KEY (notification_id, entry_id, kind)
)
";

/// Kinds in the backlog: 0, tallies to fold into the roll-ups; 1, series to
/// index, as a JSON list of their numbers; 2, entries to count, as the JSON
/// list [first, last]; 3, series to index, as the JSON list [first, last]; 4,
/// tellings to index, as a JSON list of their numbers; 5, deliveries to count,
/// as the JSON list [first, last]. 2, 3 and 5 are what this migration leaves to
/// be done.
const DERIVED: &str = "
CREATE TABLE backlog (
    id {key},
    kind SMALLINT NOT NULL,
    data {bytes} NOT NULL
);

CREATE TABLE rollups (
    dimension SMALLINT NOT NULL,
    level SMALLINT NOT NULL,
    bucket BIGINT NOT NULL,
    part BIGINT NOT NULL,
    data {bytes} NOT NULL,
    PRIMARY KEY (dimension, level, bucket, part)
);

CREATE TABLE search_segments (
    id {key},
    documents BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);

CREATE TABLE search_blocks (
    segment_id BIGINT NOT NULL,
    first_term {bytes} NOT NULL,
    data {bytes} NOT NULL,
    PRIMARY KEY (segment_id, first_term)
)
";

/// What each series was told with: the latest lies with the series itself.
const TELLINGS: &str = "
CREATE TABLE old_tellings (
    id {key},
    series_id BIGINT NOT NULL,
    label_set_id BIGINT NOT NULL,
    annotation_set_id BIGINT NOT NULL,
    latest BOOLEAN NOT NULL,
    UNIQUE (series_id, label_set_id, annotation_set_id)
);
INSERT INTO old_tellings (series_id, label_set_id, annotation_set_id, latest)
SELECT i.series_id, i.label_set_id, i.annotation_set_id, TRUE
FROM old_series s JOIN old_incidents i ON i.id = s.last_incident_id;
INSERT INTO old_tellings (series_id, label_set_id, annotation_set_id, latest)
SELECT i.series_id, i.label_set_id, i.annotation_set_id, FALSE FROM old_incidents i WHERE TRUE
ON CONFLICT DO NOTHING;
INSERT INTO old_tellings (series_id, label_set_id, annotation_set_id, latest)
SELECT DISTINCT i.series_id, e.label_set_id, e.annotation_set_id, FALSE
FROM old_log_entries e JOIN old_incidents i ON i.id = e.incident_id WHERE TRUE
ON CONFLICT DO NOTHING
";

const COPY: &str = "
INSERT INTO series (id, source, fingerprint, content, labels, annotations, generator_url, message,
    alertname, instance, severity, team)
SELECT s.id, s.source, {fingerprint}, {nothing}, l.labels, a.annotations, a.generator_url, a.message,
    l.alertname, l.instance, l.severity, l.team
FROM old_series s
JOIN old_tellings t ON t.series_id = s.id AND t.latest
JOIN label_sets l ON l.id = t.label_set_id
JOIN annotation_sets a ON a.id = t.annotation_set_id;

INSERT INTO tellings (id, series_id, annotations, generator_url, message, labels, alertname,
    instance, severity, team)
SELECT t.id, t.series_id, a.annotations, a.generator_url, a.message, l.labels, l.alertname,
    l.instance, l.severity, l.team
FROM old_tellings t
JOIN old_tellings first ON first.series_id = t.series_id AND first.latest
LEFT JOIN label_sets l ON l.id = t.label_set_id AND t.label_set_id <> first.label_set_id
JOIN annotation_sets a ON a.id = t.annotation_set_id
WHERE NOT t.latest;

INSERT INTO incidents (id, series_id, episode, state, starts_at, ends_at, closed_at,
    end_reason, latest_start, previous_end, first_seen_at, last_seen_at, last_entry_at, occurrences,
    senders, previous_id, telling_id, content, told, known_at, known_by, memo)
SELECT i.id, i.series_id,
    ROW_NUMBER() OVER (PARTITION BY i.series_id ORDER BY i.id = s.last_incident_id, i.first_seen_at, i.id),
    i.state, i.starts_at, i.ends_at, CASE WHEN i.state = 0 THEN NULL ELSE i.last_entry_at END,
    CASE i.state WHEN 1 THEN 0 WHEN 2 THEN 1 END, i.starts_at, i.not_before, i.first_seen_at,
    i.last_seen_at, i.last_entry_at, i.occurrences, i.senders, i.previous_id,
    CASE WHEN t.latest THEN NULL ELSE t.id END, {nothing}, '[]', i.known_at, i.known_by, i.memo
FROM old_incidents i
JOIN old_series s ON s.id = i.series_id
JOIN old_tellings t ON t.series_id = i.series_id AND t.label_set_id = i.label_set_id
    AND t.annotation_set_id = i.annotation_set_id;

UPDATE incidents SET told = (
    SELECT {all_told} FROM (
        SELECT {list}(o.sender_id, o.status, o.starts_at, o.ends_at, o.said_at,
            CASE WHEN o.late THEN 1 ELSE 0 END, o.incident_id, o.closed_incident_id) AS one
        FROM sender_states o WHERE o.series_id = incidents.series_id ORDER BY o.sender_id) m)
WHERE id IN (SELECT last_incident_id FROM old_series)
    AND EXISTS (SELECT 1 FROM sender_states o WHERE o.series_id = incidents.series_id);

INSERT INTO log_entries (id, delivery_id, incident_id, series_id, telling_id, received_at, status,
    kind, starts_at, ends_at)
SELECT e.id, e.delivery_id, e.incident_id, i.series_id, CASE WHEN t.latest THEN NULL ELSE t.id END,
    e.received_at, e.status, e.kind, e.starts_at, e.ends_at
FROM old_log_entries e
JOIN old_incidents i ON i.id = e.incident_id
JOIN old_tellings t ON t.series_id = i.series_id AND t.label_set_id = e.label_set_id
    AND t.annotation_set_id = e.annotation_set_id;

INSERT INTO incident_events (id, incident_id, kind, at, delivery_id, entry_id, person, memo)
SELECT id, incident_id, kind, at, delivery_id, entry_id, person, memo
FROM old_incident_events WHERE kind IN (3, 4, 5);

INSERT INTO notification_events (notification_id, entry_id, kind, incident_id, recipient_id, resend)
SELECT n.notification_id, o.entry_id, o.kind, o.incident_id, n.recipient_id, n.resend
FROM old_notification_events n JOIN old_incident_events o ON o.id = n.event_id
WHERE o.entry_id IS NOT NULL;

INSERT INTO backlog (kind, data)
SELECT 2, {range} FROM log_entries GROUP BY id / 10000 ORDER BY 2;
INSERT INTO backlog (kind, data)
SELECT 3, {range} FROM series GROUP BY id / 1000 ORDER BY 2;
INSERT INTO backlog (kind, data)
SELECT 5, {range} FROM deliveries WHERE outcome = 0 GROUP BY id / 10000 ORDER BY 2
";

const DROP: &str = "
DROP TABLE old_notification_events;
DROP TABLE old_incident_events;
DROP TABLE old_log_entries;
DROP TABLE old_incidents;
DROP TABLE old_tellings;
DROP TABLE old_series;
DROP TABLE sender_states;
DROP TABLE label_set_labels;
DROP TABLE labels;
DROP TABLE label_sets;
DROP TABLE annotation_sets;
DROP INDEX deliveries_outcome;
DROP INDEX notifications_recipient
";

/// Each index has its reason in docs/adr/0001-storage.md.
const INDEXES: &str = "
CREATE UNIQUE INDEX series_identity ON series (fingerprint, source);
CREATE INDEX tellings_series ON tellings (series_id);
CREATE UNIQUE INDEX incidents_one_open ON incidents (series_id) WHERE state = 0;
CREATE UNIQUE INDEX incidents_episode ON incidents (series_id, episode);
CREATE INDEX incidents_last_seen ON incidents (state, last_seen_at{then_id});
CREATE INDEX incidents_starts ON incidents (state, starts_at{then_id});
CREATE INDEX incidents_repeated ON incidents (occurrences{then_id}) WHERE occurrences > 1;
CREATE INDEX incidents_lasted ON incidents ((ends_at - starts_at){then_id}) WHERE state <> 0;
CREATE INDEX log_entries_received ON log_entries (received_at{then_id});
CREATE INDEX log_entries_series ON log_entries (series_id, received_at{then_id});
CREATE INDEX log_entries_telling ON log_entries (telling_id) WHERE telling_id IS NOT NULL;
CREATE INDEX log_entries_late ON log_entries (incident_id) WHERE kind = 3;
CREATE INDEX incident_events_incident ON incident_events (incident_id, at);
CREATE INDEX incident_events_expired_at ON incident_events (at) WHERE kind = 3;
CREATE UNIQUE INDEX incident_events_expired ON incident_events (incident_id) WHERE kind = 3;
CREATE UNIQUE INDEX notification_events_once ON notification_events (entry_id, kind, recipient_id)
    WHERE NOT resend;
CREATE INDEX notification_events_resent ON notification_events (entry_id) WHERE resend;
CREATE INDEX notification_events_incident ON notification_events (incident_id);
CREATE INDEX backlog_kind ON backlog (kind, id);
CREATE INDEX deliveries_refused ON deliveries (received_at{then_id}) WHERE outcome = 1;
CREATE INDEX deliveries_unrouted ON deliveries (received_at{then_id}) WHERE unrouted > 0;
CREATE INDEX notifications_unsent ON notifications (state, created_at{then_id})
    WHERE state IN (0, 1, 3);
CREATE INDEX notifications_recipient ON notifications (recipient_id, created_at{then_id});
CREATE INDEX delivery_bodies_refused ON delivery_bodies (received_at, delivery_id) WHERE refused
";
