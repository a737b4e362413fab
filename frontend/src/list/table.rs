use std::{collections::BTreeSet, rc::Rc};

use yew::prelude::*;

use super::{
    Listed,
    model::Shown,
    moves,
    row::{RowActions, RowView},
    selection::Selection,
};
use crate::i18n::Words;

/// Rows that are drawn grey before the first answer.
const SKELETON: usize = 12;

/// The rows of a list.
pub struct Table<'a, T: Listed> {
    /// What there is to show; none before the first answer.
    pub shown: Option<Rc<Shown<T>>>,
    /// What is shown answers an earlier question.
    pub behind: bool,
    /// Nothing will come unless the person tries again.
    pub failed: bool,
    pub selection: &'a Selection,
    pub select: Callback<Selection>,
    /// The row that is open beside the list.
    pub current: Option<i64>,
    pub actions: RowActions,
    pub query: AttrValue,
    pub catch_up: Callback<()>,
}

/// The rows, and word of newer ones.
pub fn table<T: Listed>(words: &Words, props: &Table<T>) -> Html {
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
    let news = waiting.map(|waiting| {
        let text = match waiting.new {
            0 => words.list.changed.to_owned(),
            new => (words.list.new_rows)(new),
        };
        html! {
            <button type="button" class="news" onclick={props.catch_up.reform(|_| moves::to_top())}>
                { text }<span class="news-show">{ words.list.show_new }</span>
            </button>
        }
    });
    html! {
        <div id="rows" class={classes!("rows", props.behind.then_some("is-behind"))} aria-busy={props.behind.to_string()}>
            <div class="news-line" aria-live="polite">{ news }</div>
            <table class={classes!("table-list", (!props.actions.may).then_some("is-plain"))}>
                <caption class="sr-only">{ T::caption(words) }</caption>
                <thead>
                    <tr>
                        if props.actions.may {
                            <th scope="col" class="col-check">
                                <label class="check-hit">
                                    <input type="checkbox" class="checkbox checkbox-xs" checked={all} {onchange}
                                        aria-label={words.list.select_all} disabled={rows.is_empty()} />
                                </label>
                            </th>
                        }
                        { T::head(words) }
                        <th scope="col" class="col-ack">{ words.list.known_column }</th>
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
