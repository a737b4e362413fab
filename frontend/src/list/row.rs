use yew::prelude::*;
use yew_router::Routable;

use super::{ListItem, model::Row, scroll};
use crate::{
    components::{IconName, icon},
    state::use_view,
};

/// Callbacks from a row to its list.
#[derive(Clone, PartialEq)]
pub struct RowActions {
    pub open: Callback<i64>,
    /// Toggles the selection.
    pub toggle: Callback<i64>,
    pub acknowledge: Callback<i64>,
    /// The user may acknowledge; rows can be selected only then.
    pub can_acknowledge: bool,
}

#[derive(Properties, PartialEq)]
pub struct RowViewProps<T: ListItem> {
    pub row: Row<T>,
    pub selected: bool,
    /// The row is open in the panel.
    pub current: bool,
    pub actions: RowActions,
    /// Query string of the URL, kept by the row's link.
    pub query: AttrValue,
}

#[component]
pub fn RowView<T: ListItem>(props: &RowViewProps<T>) -> Html {
    let words = &use_view();
    let item = &*props.row.0;
    let id = item.id();
    let RowActions {
        open,
        toggle,
        acknowledge,
        can_acknowledge,
    } = &props.actions;
    let title = item.title();
    let follow = {
        let open = open.clone();
        move |event: MouseEvent| {
            // With a modifier key, the browser opens the link in a new tab.
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
            // Selecting text is not a click.
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
        <tr {class} data-id={id.to_string()} {onclick} onpointermove={|_| scroll::pointer_moved()}>
            if *can_acknowledge {
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
                } else if *can_acknowledge {
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
