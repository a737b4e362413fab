use std::collections::BTreeSet;

use tocsin_api_types::{IncidentState, Role};
use yew::prelude::*;

use super::{
    ListActions, ListItem,
    bulk::{BulkBar, BulkBarProps},
    empty_state::{no_matches, no_open_incidents},
    filter_bar::FilterBar,
    keys::{Key, focus_row, focused_row, key_of, neighbour},
    location::use_list_location,
    pager::{Pager, pager},
    row::RowActions,
    rows::use_rows,
    selection::Selection,
    table::{Table, table},
};
use crate::{
    api::ApiError,
    components::failure,
    i18n::use_words,
    query::{Filter, Term},
    state::{AckRequest, IncidentAction, Target, use_ack, use_keys, use_role, use_status},
};

#[derive(Properties, PartialEq)]
pub struct ListPageProps {
    /// ID of the row open in the panel.
    pub selected: Option<i64>,
}

/// A list with filters, and the panel of one row.
#[component]
pub fn ListPage<T: ListItem>(props: &ListPageProps) -> Html {
    let words = use_words();
    let (ack, role) = (use_ack(), use_role());
    let can_acknowledge = role >= Role::Responder;
    let location = use_list_location::<T>(props.selected);
    let request = location.request.clone();
    let rows = use_rows::<T>(request.clone());
    let selection = use_state_eq(Selection::default);
    let counting = use_state_eq(|| false);
    let problem = use_state_eq(|| None::<ApiError>);
    let status = use_status();
    {
        let selection = selection.setter();
        use_effect_with(request.clone(), move |_| selection.set(Selection::None));
    }

    let change = {
        let location = location.clone();
        Callback::from(move |filter: Filter| location.filter(&filter))
    };
    let find = {
        let list = rows.list().to_vec();
        move |id: i64| list.iter().find(|row| row.0.id() == id).cloned()
    };
    // Acknowledges one row, from its button or the `a` key.
    let acknowledge = {
        let (ack, find) = (ack.clone(), find.clone());
        Callback::from(move |id: i64| {
            let Some(row) = find(id).filter(|row| !row.0.known()) else {
                return;
            };
            let (title, note) = (row.0.title().into(), row.0.note().to_owned());
            ack.emit(AckRequest {
                target: Target::One(row.0.incident_id(), title, note),
                action: IncidentAction::Acknowledge,
                note: None,
            });
        })
    };
    let toggle = {
        let selection = selection.clone();
        Callback::from(move |id| selection.set(selection.toggled(id)))
    };
    let incident_ids: Vec<i64> = match &*selection {
        Selection::Rows(ids) => {
            let ids = ids.iter().filter_map(|id| find(*id));
            ids.map(|row| row.0.incident_id())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    };
    let change_selected = {
        let (selection, ids, filter) = (
            selection.clone(),
            incident_ids.clone(),
            request.filter.clone(),
        );
        Callback::from(move |(action, note): (IncidentAction, Option<String>)| {
            let target = match &*selection {
                Selection::None => return,
                Selection::Rows(_) => Target::Many(ids.clone()),
                Selection::Matching(known, _) => {
                    let mut filter = filter.to_acknowledge(crate::time::now());
                    if action != IncidentAction::Close {
                        filter.known = Some(false);
                    }
                    Target::Matching(Box::new(filter), known.clone())
                }
            };
            ack.emit(AckRequest {
                target,
                action,
                note,
            });
            selection.set(Selection::None);
        })
    };
    let select_matching = {
        let (selection, counting, problem) =
            (selection.setter(), counting.setter(), problem.setter());
        let filter = request.filter.clone();
        T::INCIDENTS.then(|| {
            Callback::from(move |()| {
                super::matching::select_all(
                    filter.clone(),
                    selection.clone(),
                    counting.clone(),
                    problem.clone(),
                );
            })
        })
    };
    {
        let ids: Vec<i64> = rows.list().iter().map(|row| row.0.id()).collect();
        let (location, selected, reload) = (location.clone(), props.selected, rows.reload.clone());
        let (selection, acknowledge, toggle) =
            (selection.clone(), acknowledge.clone(), toggle.clone());
        let several = change_selected.clone();
        use_keys(
            false,
            Callback::from(move |event: KeyboardEvent| {
                let Some(key) = key_of(&event) else { return };
                let row = focused_row().or(selected);
                match (key, row) {
                    (Key::Acknowledge | Key::Select, _) if !can_acknowledge => return,
                    (Key::Close, _) if selected.is_some() => {
                        location.close();
                        selected.into_iter().for_each(focus_row);
                    }
                    (Key::Close, _) => selection.set(Selection::None),
                    (Key::Move(step), _) => {
                        let Some(to) = neighbour(&ids, row, step) else {
                            return;
                        };
                        focus_row(to);
                        if selected.is_some() {
                            location.open(to);
                        }
                    }
                    (Key::Acknowledge, _) if *selection != Selection::None => {
                        several.emit((IncidentAction::Acknowledge, None))
                    }
                    (Key::Acknowledge, Some(row)) => acknowledge.emit(row),
                    (Key::Select, Some(row)) => toggle.emit(row),
                    (Key::Refresh, _) => reload.emit(()),
                    (Key::Acknowledge | Key::Select, None) => return,
                }
                event.prevent_default();
            }),
        );
    }

    let actions = ListActions {
        filter: {
            let (change, filter) = (change.clone(), request.filter.clone());
            Callback::from(
                move |(name, value, exclude): (AttrValue, AttrValue, bool)| {
                    change.emit(filter.clicked(&name, &value, exclude));
                },
            )
        },
        close: {
            let (location, selected) = (location.clone(), props.selected);
            Callback::from(move |()| {
                location.close();
                selected.into_iter().for_each(focus_row);
            })
        },
    };
    let row_actions = RowActions {
        open: {
            let location = location.clone();
            Callback::from(move |id| location.open(id))
        },
        toggle,
        acknowledge,
        can_acknowledge,
    };
    let set_selection = {
        let selection = selection.setter();
        Callback::from(move |next| selection.set(next))
    };
    let next = rows
        .shown
        .as_ref()
        .and_then(|shown| shown.next.clone())
        .map(|cursor| {
            let location = location.clone();
            Callback::from(move |()| {
                location.next(&cursor);
                super::scroll::to_top();
            })
        });
    let prev = rows.shown.as_ref().and_then(|shown| shown.prev.clone());
    let before = location.page().is_some() || prev.is_some();
    let previous = {
        let location = location.clone();
        Callback::from(move |()| {
            location.previous(prev.as_deref());
            super::scroll::to_top();
        })
    };
    let nothing = rows
        .shown
        .as_ref()
        .is_some_and(|shown| shown.rows.is_empty());
    // An empty page is not the end: the server scans only part of the rows for each
    // page.
    let further = next.is_some() || rows.searching;
    let filtered = !request.filter.terms().is_empty();
    let first = request.cursor.is_none();
    // The initial filter is `state=open`. No open incident does not mean that there
    // never was one.
    let only_open = request.filter.terms() == [Term::State(IncidentState::Open)];
    let never = status.as_ref().is_some_and(|status| !status.has_alerts);
    let unfiltered = !filtered || (only_open && never);
    let fresh = nothing && unfiltered && first && !further && !rows.outdated;
    let bulk = (*selection != Selection::None).then(|| {
        let props = yew::props!(BulkBarProps {
            selection: (*selection).clone(),
            incidents: incident_ids.len() as u64,
            counting: *counting,
            select_matching: select_matching.clone(),
            clear: set_selection.reform(|()| Selection::None),
            change: change_selected,
        });
        html! { <BulkBar ..props /> }
    });
    let above = (!fresh).then(|| T::above(&request.filter, &change));
    let rows_table = Table {
        shown: rows.shown.clone(),
        outdated: rows.outdated,
        failed: rows.error.is_some(),
        selection: &selection,
        select: set_selection,
        current: props.selected,
        actions: row_actions,
        query: location.query.clone(),
        show_waiting: rows.show_waiting.clone(),
    };
    let pages = Pager {
        rows: rows.list().len(),
        page: location.page(),
        first,
        next,
        previous,
        before,
        searching: rows.searching,
    };
    html! {
        <ContextProvider<ListActions> context={actions}>
            <div class={classes!("list-page", props.selected.map(|_| "has-panel"))}>
                <div class="list-main">
                    { above }
                    if fresh {
                        { T::empty() }
                    } else {
                        <FilterBar {bulk} filter={request.filter.clone()} change={change.clone()} incidents={T::INCIDENTS}
                            refresh={rows.reload.clone()} busy={rows.outdated && rows.error.is_none()} />
                    }
                    if let Some(error) = rows.error.clone() {
                        { failure(words, &error, Some(rows.reload.clone())) }
                    }
                    if nothing && rows.searching {
                        <p class="none muted">{ words.list.searching }</p>
                    } else if nothing && further {
                        <p class="none muted">{ words.list.none_so_far }</p>
                    } else if nothing && only_open && first && !fresh {
                        { no_open_incidents(words, &change) }
                    } else if nothing && filtered && first && !fresh {
                        { no_matches(words, &request.filter, &change) }
                    } else if nothing && !fresh {
                        <p class="none muted">{ words.list.none_on_page }</p>
                    } else if !fresh {
                        { table(words, &rows_table) }
                    }
                    if let Some(error) = (*problem).clone() {
                        { failure(words, &error, select_matching.clone()) }
                    }
                    if !fresh && rows.shown.is_some() {
                        { pager(words, &pages) }
                    }
                </div>
                if let Some(id) = props.selected {
                    { T::panel(id) }
                }
            </div>
        </ContextProvider<ListActions>>
    }
}
