use tocsin_api_types::{Incident, Page};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::selection::Selection;
use crate::{
    api::{self, ApiError},
    query::{Filter, push_pair},
    time,
};

/// The most that can be undone at once: the most numbers that the server takes.
const MOST: usize = 500;

/// Selects all unacknowledged incidents that match. Their numbers are read
/// first, so that the person sees how many they are, and can undo.
pub fn count(
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
        let mut query = filter.to_api(time::now());
        push_pair(&mut query, "limit", &MOST.to_string());
        match api::get::<Page<Incident>>(&format!("incidents?{query}"), None).await {
            Ok(page) => {
                let all = page.next_cursor.is_none();
                let ids = page.items.iter().map(|incident| incident.id);
                selection.set(Selection::Matching(all.then(|| ids.collect())));
            }
            Err(error) => failure.set(Some(error)),
        }
        counting.set(false);
    });
}
