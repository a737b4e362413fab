//! Matchers in SQL, the same on both databases.
//!
//! Neither database knows the regular expressions that Alertmanager's users
//! write, so they are run here, over the distinct values of their label, and
//! only the numbers of the labels that match go into the query.

use sea_orm::{FromQueryResult, Value};
use tocsin_core::matcher::Matcher;

use crate::StorageError;
use crate::query::{self, Conditions, Reads};

/// Values that are held at a time while a matcher is tried on them.
const CHUNK: i64 = 20_000;

#[derive(FromQueryResult)]
struct LabelValue {
    id: i64,
    value: String,
}

/// The condition on a label set's number `column` that all matchers hold.
pub(crate) async fn label_sets(
    db: &impl Reads,
    matchers: &[Matcher],
    column: &str,
) -> Result<Conditions, StorageError> {
    let mut conditions = Conditions::default();
    for matcher in matchers {
        // A label set without the label has it empty. So where the empty value
        // matches, the sets to leave out are those with a value that does not;
        // otherwise the sets to take are those with a value that does.
        let empty = matcher.matches_empty();
        let labels = labels_where(db, matcher, !empty).await?;
        let list = query::id_list(db.backend());
        let with = format!(
            "SELECT ll.label_set_id FROM label_set_labels ll WHERE ll.label_id IN ({list})"
        );
        match (empty, labels.is_empty()) {
            (true, true) => {}
            (true, false) => {
                conditions.and(&format!("{column} NOT IN ({with})"), [query::ids(&labels)]);
            }
            (false, true) => conditions.and("1 = 0", []),
            (false, false) => {
                conditions.and(&format!("{column} IN ({with})"), [query::ids(&labels)]);
            }
        }
    }
    Ok(conditions)
}

/// The labels of the matcher's name whose value it matches, or those whose
/// value it does not.
async fn labels_where(
    db: &impl Reads,
    matcher: &Matcher,
    matches: bool,
) -> Result<Vec<i64>, StorageError> {
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let values: Vec<LabelValue> = query::all(
            db,
            "SELECT id, value FROM labels WHERE name = ? AND id > ? ORDER BY id LIMIT ?",
            vec![
                query::text(matcher.name()),
                after.into(),
                Value::from(CHUNK),
            ],
        )
        .await?;
        let Some(last) = values.last() else { break };
        after = last.id;
        let all_read = (values.len() as i64) < CHUNK;
        let wanted = values
            .into_iter()
            .filter(|l| matcher.matches_value(&l.value) == matches);
        found.extend(wanted.map(|label| label.id));
        if all_read {
            break;
        }
    }
    Ok(found)
}
