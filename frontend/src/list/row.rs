use yew::prelude::*;
use yew_router::Routable;

use super::{Listed, model::Row, moves};
use crate::{
    components::{IconName, icon},
    state::use_view,
};

/// What a row may ask of its list.
#[derive(Clone, PartialEq)]
pub struct RowActions {
    /// Opens the row with that number.
    pub open: Callback<i64>,
    /// Selects it, or not.
    pub toggle: Callback<i64>,
    /// Acknowledges it.
    pub acknowledge: Callback<i64>,
    /// The person may acknowledge, for which rows are selected too.
    pub may: bool,
}

#[derive(Properties, PartialEq)]
pub struct RowViewProps<T: Listed> {
    pub row: Row<T>,
    /// It is selected.
    pub selected: bool,
    /// It is the one that is open beside the list.
    pub current: bool,
    pub actions: RowActions,
    /// The query of the address bar, which its link keeps.
    pub query: AttrValue,
}

/// One row of a list.
#[component]
pub fn RowView<T: Listed>(props: &RowViewProps<T>) -> Html {
    let words = &use_view();
    let item = &*props.row.0;
    let id = item.id();
    let RowActions {
        open,
        toggle,
        acknowledge,
        may,
    } = &props.actions;
    let title = item.title();
    let follow = {
        let open = open.clone();
        move |event: MouseEvent| {
            // With a modifier, the browser opens the link elsewhere.
            if !(event.ctrl_key() || event.meta_key() || event.shift_key()) {
                event.prevent_default();
                event.stop_propagation();
                open.emit(id);
            }
        }
    };
    let path = T::row_route(id).to_path();
    let href = format!("{}{}", path.trim_start_matches('/'), props.query);
    let link = html! {
        <a class="row-link" {href} onclick={follow} aria-current={props.current.then_some("true")}>{ title.clone() }</a>
    };
    let onclick = {
        let open = open.clone();
        move |_| {
            // Marking a text to copy it is no click.
            let marking = selected_text();
            if !marking {
                open.emit(id);
            }
        }
    };
    let onchange = toggle.reform(move |_: Event| id);
    let ack = {
        let acknowledge = acknowledge.clone();
        move |event: MouseEvent| {
            event.stop_propagation();
            acknowledge.emit(id);
        }
    };
    let class = classes!(
        "row",
        props.selected.then_some("is-selected"),
        props.current.then_some("is-current"),
        item.known().then_some("is-known")
    );
    html! {
        <tr {class} data-id={id.to_string()} {onclick} onpointermove={|_| moves::pointed()}>
            if *may {
                <td class="col-check" onclick={|event: MouseEvent| event.stop_propagation()}>
                    <label class="check-hit">
                        <input type="checkbox" class="checkbox checkbox-xs" checked={props.selected}
                            aria-label={(words.list.select_row)(&title)} {onchange} />
                    </label>
                </td>
            }
            { item.cells(words, link) }
            <td class="col-ack">
                if item.known() {
                    { item.mark(words) }
                } else if *may {
                    <button type="button" class="ack-btn" onclick={ack}>
                        { icon(IconName::Check) }<span class="ack-word">{ words.common.acknowledge }</span>
                        <span class="sr-only">{ format!(" {title}") }</span>
                    </button>
                }
            </td>
        </tr>
    }
}

fn selected_text() -> bool {
    let selection = web_sys::window().and_then(|window| window.get_selection().ok().flatten());
    selection.is_some_and(|selection| !selection.is_collapsed())
}
