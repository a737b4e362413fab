//! What repeats is stored once: label sets, with an index of their labels for
//! matchers, and annotation sets.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{FromQueryResult, Value};
use tocsin_core::alert::{Facts, Labels};
use tocsin_core::digest::Digest;
use tocsin_core::search;

use super::bulk::{self, Content};
use crate::{StorageError, Tx};

/// A label set that may have to be stored.
#[derive(Clone, Copy, Debug)]
pub struct LabelSet<'a> {
    /// All labels.
    pub labels: &'a Labels,
    /// The fields taken out of them.
    pub facts: &'a Facts,
}

/// Annotations, and the sender's link, that may have to be stored.
#[derive(Clone, Copy, Debug)]
pub struct AnnotationSet<'a> {
    /// All annotations.
    pub annotations: &'a Labels,
    /// The sender's link.
    pub generator_url: &'a str,
    /// The message taken out of them.
    pub message: &'a str,
}

#[derive(FromQueryResult)]
struct Known {
    id: i64,
    digest: Vec<u8>,
}

/// Stores the label sets that are not stored yet, and answers the ids of all.
///
/// # Errors
/// Whatever the database answers.
pub async fn put_label_sets(
    tx: &Tx,
    sets: &HashMap<Digest, LabelSet<'_>>,
) -> Result<HashMap<Digest, i64>, StorageError> {
    bulk::find_or_store(&LabelSets { tx, sets }, sets.keys().copied().collect()).await
}

/// Stores the annotation sets that are not stored yet, and answers the ids of
/// all.
///
/// # Errors
/// Whatever the database answers.
pub async fn put_annotation_sets(
    tx: &Tx,
    sets: &HashMap<Digest, AnnotationSet<'_>>,
) -> Result<HashMap<Digest, i64>, StorageError> {
    bulk::find_or_store(&AnnotationSets { tx, sets }, sets.keys().copied().collect()).await
}

struct LabelSets<'a> {
    tx: &'a Tx,
    sets: &'a HashMap<Digest, LabelSet<'a>>,
}

impl Content for LabelSets<'_> {
    type Key = Digest;
    const TABLE: &'static str = "label_sets";

    async fn find(&self, wanted: &[Digest]) -> Result<Vec<(Digest, i64)>, StorageError> {
        find(self.tx, Self::TABLE, wanted).await
    }

    async fn store(&self, missing: &[Digest]) -> Result<Vec<(Digest, i64)>, StorageError> {
        let mut values = Vec::with_capacity(missing.len() * 7);
        for digest in missing {
            let set = self.sets[digest];
            values.extend([
                key(digest),
                json(set.labels).into(),
                set.facts.alertname.clone().into(),
                set.facts.instance.clone().into(),
                set.facts.severity.clone().into(),
                set.facts.team.clone().into(),
                search::subject(&set.facts.alertname, &set.facts.instance).into(),
            ]);
        }
        let head = "INSERT INTO label_sets \
                    (digest, labels, alertname, instance, severity, team, search) VALUES ";
        let stored = put(self.tx, head, 7, values).await?;
        self.index(&stored).await?;
        Ok(stored)
    }
}

impl LabelSets<'_> {
    /// Enters new label sets into the index from label to label set.
    async fn index(&self, stored: &[(Digest, i64)]) -> Result<(), StorageError> {
        let mut pairs: BTreeMap<Digest, (&str, &str)> = BTreeMap::new();
        let mut uses: Vec<(Digest, i64)> = Vec::new();
        for (digest, id) in stored {
            for (name, value) in self.sets[digest].labels {
                let pair = Digest::of_label(name, value);
                pairs.insert(pair, (name, value));
                uses.push((pair, *id));
            }
        }
        let labels = LabelPairs {
            tx: self.tx,
            pairs: &pairs,
        };
        let ids = bulk::find_or_store(&labels, pairs.keys().copied().collect()).await?;
        let mut links: Vec<(i64, i64)> = uses.iter().map(|(pair, set)| (ids[pair], *set)).collect();
        links.sort_unstable();
        let values = links
            .into_iter()
            .flat_map(|(label, set)| [label.into(), set.into()]);
        let head = "INSERT INTO label_set_labels (label_id, label_set_id) VALUES ";
        bulk::insert(self.tx, head, 2, "ON CONFLICT DO NOTHING", values.collect()).await
    }
}

struct LabelPairs<'a> {
    tx: &'a Tx,
    pairs: &'a BTreeMap<Digest, (&'a str, &'a str)>,
}

impl Content for LabelPairs<'_> {
    type Key = Digest;
    const TABLE: &'static str = "labels";

    async fn find(&self, wanted: &[Digest]) -> Result<Vec<(Digest, i64)>, StorageError> {
        find(self.tx, Self::TABLE, wanted).await
    }

    async fn store(&self, missing: &[Digest]) -> Result<Vec<(Digest, i64)>, StorageError> {
        let mut values = Vec::with_capacity(missing.len() * 3);
        for digest in missing {
            let (name, value) = self.pairs[digest];
            values.extend([key(digest), name.into(), value.into()]);
        }
        put(
            self.tx,
            "INSERT INTO labels (digest, name, value) VALUES ",
            3,
            values,
        )
        .await
    }
}

struct AnnotationSets<'a> {
    tx: &'a Tx,
    sets: &'a HashMap<Digest, AnnotationSet<'a>>,
}

impl Content for AnnotationSets<'_> {
    type Key = Digest;
    const TABLE: &'static str = "annotation_sets";

    async fn find(&self, wanted: &[Digest]) -> Result<Vec<(Digest, i64)>, StorageError> {
        find(self.tx, Self::TABLE, wanted).await
    }

    async fn store(&self, missing: &[Digest]) -> Result<Vec<(Digest, i64)>, StorageError> {
        let mut values = Vec::with_capacity(missing.len() * 5);
        for digest in missing {
            let set = self.sets[digest];
            values.extend([
                key(digest),
                json(set.annotations).into(),
                set.generator_url.into(),
                set.message.into(),
                search::fold(set.message).into(),
            ]);
        }
        let head = "INSERT INTO annotation_sets \
                    (digest, annotations, generator_url, message, search) VALUES ";
        put(self.tx, head, 5, values).await
    }
}

async fn find(tx: &Tx, table: &str, wanted: &[Digest]) -> Result<Vec<(Digest, i64)>, StorageError> {
    let keys: Vec<Value> = wanted.iter().map(key).collect();
    let head = format!("SELECT id, digest FROM {table} WHERE digest IN ");
    Ok(pairs(bulk::select_in(tx, &head, &[], &keys, "").await?))
}

async fn put(
    tx: &Tx,
    head: &str,
    columns: usize,
    values: Vec<Value>,
) -> Result<Vec<(Digest, i64)>, StorageError> {
    let tail = "ON CONFLICT (digest) DO NOTHING RETURNING id, digest";
    Ok(pairs(
        bulk::insert_returning(tx, head, columns, tail, values).await?,
    ))
}

fn pairs(rows: Vec<Known>) -> Vec<(Digest, i64)> {
    rows.into_iter()
        .filter_map(|row| Some((Digest(row.digest.try_into().ok()?), row.id)))
        .collect()
}

pub(super) fn key(digest: &Digest) -> Value {
    digest.0.to_vec().into()
}

/// Label names and values always have a JSON form.
fn json(labels: &Labels) -> String {
    serde_json::to_string(labels).unwrap_or_else(|_| "{}".to_owned())
}
