use std::{collections::BTreeSet, rc::Rc};

use yew::prelude::*;

use super::{
    ListItem,
    model::Shown,
    row::{RowActions, RowView},
    scroll,
    selection::Selection,
};
use crate::i18n::Words;

/// Placeholder rows before the first response.
const SKELETON: usize = 12;

pub struct Table<'a, T: ListItem> {
    /// `None` before the first response.
    pub shown: Option<Rc<Shown<T>>>,
    /// `shown` belongs to an earlier request.
    pub outdated: bool,
    /// The load failed, so no placeholder is shown.
    pub failed: bool,
    pub selection: &'a Selection,
    pub select: Callback<Selection>,
    /// The row open in the panel.
    pub current: Option<i64>,
    pub actions: RowActions,
    pub query: AttrValue,
    pub show_waiting: Callback<()>,
}

/// The table, and a notice about newer rows.
pub fn table<T: ListItem>(words: &Words, props: &Table<T>) -> Html {
    let rows = props.shown.as_ref().map_or(&[][..], |shown| &shown.rows);
    let chosen = rows
        .iter()
        .filter(|row| props.selection.has(row.0.id()))
        .count();
    let all = chosen == rows.len() && chosen > 0;
    let onchange = {
        let select = props.select.clone();
        let ids: BTreeSet<i64> = rows.iter().map(|row| row.0.id()).collect();
        move |_| {
            select.emit(if all {
                Selection::None
            } else {
                Selection::of(ids.clone())
            });
        }
    };
    let waiting = props
        .shown
        .as_ref()
        .and_then(|shown| shown.waiting.as_ref());
    let notice = waiting.map(|waiting| {
        let text = match waiting.new {
            0 => words.list.changed.to_owned(),
            new => (words.list.new_rows)(new),
        };
        html! {
            <button type="button" class="new-rows" onclick={props.show_waiting.reform(|_| scroll::to_top())}>
                { text }<span class="new-rows-show">{ words.list.show_new }</span>
            </button>
        }
    });
    html! {
        <div id="rows" class={classes!("rows", props.outdated.then_some("is-behind"))} aria-busy={props.outdated.to_string()}>
            <div class="new-rows-line" aria-live="polite">{ notice }</div>
            <table class={classes!("table-list", (!props.actions.can_acknowledge).then_some("is-plain"))}>
                <caption class="sr-only">{ T::caption(words) }</caption>
                <thead>
                    <tr>
                        if props.actions.can_acknowledge {
                            <th scope="col" class="col-check">
                                <label class="check-hit">
                                    <input type="checkbox" class="checkbox checkbox-xs" checked={all} {onchange}
                                        aria-label={words.list.select_all} disabled={rows.is_empty()} />
                                </label>
                            </th>
                        }
                        { T::head(words) }
                        <th scope="col" class="col-ack">{ words.list.acknowledge }</th>
                    </tr>
                </thead>
                <tbody>
                    { for rows.iter().map(|row| html! {
                        <RowView<T> key={row.0.id()} row={row.clone()} selected={props.selection.has(row.0.id())}
                            current={props.current == Some(row.0.id())} actions={props.actions.clone()}
                            query={props.query.clone()} />
                    }) }
                    if props.shown.is_none() && !props.failed {
                        { for (0..SKELETON).map(|_| html! {
                            <tr class="skeleton-row" aria-hidden="true"><td colspan="20"><span class="skeleton-bar"></span></td></tr>
                        }) }
                    }
                </tbody>
            </table>
        </div>
    }
}
