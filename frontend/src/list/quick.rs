use tocsin_api_types::{IncidentState, Status};
use yew::prelude::*;

use crate::{
    components::{Segment, Segments},
    i18n::use_words,
    query::Filter,
};

#[derive(Properties, PartialEq)]
pub struct QuickProps {
    pub filter: Filter,
    pub change: Callback<Filter>,
    pub incidents: bool,
}

/// The views that people switch between all day.
#[component]
pub fn Quick(props: &QuickProps) -> Html {
    let words = use_words();
    let filter = &props.filter;
    let base = Filter {
        status: Vec::new(),
        state: Vec::new(),
        stale: None,
        known: None,
        ..filter.clone()
    };
    let views = if props.incidents {
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
            choose: props.change.reform(move |()| view.clone()),
        })
        .collect();
    html! { <Segments label={words.list.show} {items} /> }
}
