use tocsin_api_types::{IncidentState, Status};
use yew::prelude::*;

use crate::{
    components::{Segment, segments},
    i18n::Words,
    query::Filter,
};

/// Quick filters.
pub fn quick(words: &Words, filter: &Filter, change: &Callback<Filter>, incidents: bool) -> Html {
    let base = Filter {
        status: Vec::new(),
        state: Vec::new(),
        stale: None,
        known: None,
        ..filter.clone()
    };
    let views = if incidents {
        let open = vec![IncidentState::Open];
        vec![
            (words.list.all, base.clone()),
            (
                words.list.open,
                Filter {
                    state: open.clone(),
                    ..base.clone()
                },
            ),
            (
                words.list.unacknowledged,
                Filter {
                    state: open,
                    known: Some(false),
                    ..base
                },
            ),
        ]
    } else {
        vec![
            (words.list.all, base.clone()),
            (
                words.list.firing,
                Filter {
                    status: vec![Status::Firing],
                    ..base.clone()
                },
            ),
            (
                words.list.resolved,
                Filter {
                    status: vec![Status::Resolved],
                    ..base.clone()
                },
            ),
            (
                words.list.unacknowledged,
                Filter {
                    known: Some(false),
                    ..base
                },
            ),
        ]
    };
    let items: Vec<Segment> = views
        .into_iter()
        .map(|(label, view)| Segment {
            label: label.into(),
            chosen: view == *filter,
            choose: change.reform(move |()| view.clone()),
        })
        .collect();
    segments(words.list.show, &items)
}
