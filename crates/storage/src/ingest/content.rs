//! What repeats is stored once: label sets, with an index of their labels for
//! matchers, and annotation sets.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{FromQueryResult, Value};
use tocsin_core::alert::{Facts, Labels};
use tocsin_core::digest::Digest;
use tocsin_core::search;

use super::bulk;
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
    let store = async |missing: &[Digest]| {
        let mut values = Vec::with_capacity(missing.len() * 7);
        for digest in missing {
            let set = sets[digest];
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
        let stored = put(
            tx,
            "INSERT INTO label_sets \
             (digest, labels, alertname, instance, severity, team, search) VALUES ",
            7,
            values,
        )
        .await?;
        index_labels(tx, &stored, sets).await?;
        Ok(stored)
    };
    let find = async |wanted: &[Digest]| find(tx, "label_sets", wanted).await;
    bulk::find_or_store(sets.keys().copied().collect(), "label_sets", find, store).await
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
    let store = async |missing: &[Digest]| {
        let mut values = Vec::with_capacity(missing.len() * 5);
        for digest in missing {
            let set = sets[digest];
            values.extend([
                key(digest),
                json(set.annotations).into(),
                set.generator_url.into(),
                set.message.into(),
                search::fold(set.message).into(),
            ]);
        }
        put(
            tx,
            "INSERT INTO annotation_sets \
             (digest, annotations, generator_url, message, search) VALUES ",
            5,
            values,
        )
        .await
    };
    let find = async |wanted: &[Digest]| find(tx, "annotation_sets", wanted).await;
    bulk::find_or_store(
        sets.keys().copied().collect(),
        "annotation_sets",
        find,
        store,
    )
    .await
}

/// Enters new label sets into the index from label to label set.
async fn index_labels(
    tx: &Tx,
    stored: &[(Digest, i64)],
    sets: &HashMap<Digest, LabelSet<'_>>,
) -> Result<(), StorageError> {
    let mut pairs: BTreeMap<Digest, (&str, &str)> = BTreeMap::new();
    let mut uses: Vec<(Digest, i64)> = Vec::new();
    for (digest, id) in stored {
        for (name, value) in sets[digest].labels {
            let pair = Digest::of_label(name, value);
            pairs.insert(pair, (name, value));
            uses.push((pair, *id));
        }
    }
    let store = async |missing: &[Digest]| {
        let values = missing.iter().flat_map(|digest| {
            let (name, value) = pairs[digest];
            [key(digest), name.into(), value.into()]
        });
        put(
            tx,
            "INSERT INTO labels (digest, name, value) VALUES ",
            3,
            values.collect(),
        )
        .await
    };
    let find = async |wanted: &[Digest]| find(tx, "labels", wanted).await;
    let ids = bulk::find_or_store(pairs.keys().copied().collect(), "labels", find, store).await?;
    let mut links: Vec<(i64, i64)> = uses.iter().map(|(pair, set)| (ids[pair], *set)).collect();
    links.sort_unstable();
    let values = links
        .into_iter()
        .flat_map(|(label, set)| [label.into(), set.into()]);
    bulk::insert(
        tx,
        "INSERT INTO label_set_labels (label_id, label_set_id) VALUES ",
        2,
        "ON CONFLICT DO NOTHING",
        values.collect(),
    )
    .await
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
