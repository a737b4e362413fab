use tocsin_api_types::{Incident, Page, RowCount};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::selection::Selection;
use crate::{
    api::{self, ApiError},
    query::{Filter, push_pair},
    time,
};

/// Most IDs that the server accepts in one request, and so the most that can be undone.
const MAX_UNDO: usize = 500;

/// Most pages to read.
const MAX_PAGES: usize = 40;

/// Selects all matching unacknowledged incidents. Reads their IDs first, to show the
/// count and to allow an undo.
pub fn select_all(
    filter: Filter,
    selection: UseStateSetter<Selection>,
    counting: UseStateSetter<bool>,
    failure: UseStateSetter<Option<ApiError>>,
) {
    counting.set(true);
    failure.set(None);
    spawn_local(async move {
        let filter = Filter {
            known: Some(false),
            ..filter
        };
        match read(&filter.to_api_query(time::now())).await {
            Ok(found) => selection.set(found),
            Err(error) => failure.set(Some(error)),
        }
        counting.set(false);
    });
}

/// Reads IDs until all are known or there are too many to undo. A page may be short.
async fn read(query: &str) -> Result<Selection, ApiError> {
    let mut ids: Vec<i64> = Vec::new();
    let mut cursor = None::<String>;
    let mut counted = None::<RowCount>;
    for _ in 0..MAX_PAGES {
        let mut query = query.to_owned();
        push_pair(&mut query, "limit", &MAX_UNDO.to_string());
        match &cursor {
            Some(cursor) => push_pair(&mut query, "cursor", cursor),
            None => push_pair(&mut query, "count", "true"),
        }
        let page: Page<Incident> = api::get(&format!("incidents?{query}"), None).await?;
        ids.extend(page.items.iter().map(|incident| incident.id));
        counted = counted.or(page.count);
        let exact = RowCount {
            value: ids.len() as u64,
            exact: true,
        };
        cursor = match page.next_cursor {
            None if ids.len() <= MAX_UNDO => return Ok(Selection::Matching(Some(ids), exact)),
            None => return Ok(Selection::Matching(None, exact)),
            Some(cursor) => Some(cursor),
        };
        if ids.len() >= MAX_UNDO {
            break;
        }
    }
    let found = ids.len() as u64;
    let least = counted.filter(|count| count.value >= found);
    Ok(Selection::Matching(
        None,
        least.unwrap_or(RowCount {
            value: found,
            exact: false,
        }),
    ))
}
