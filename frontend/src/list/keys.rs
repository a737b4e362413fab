//! Keyboard shortcuts of a list. They move the real focus, so that Enter opens the
//! highlighted row.

use wasm_bindgen::JsCast;
use web_sys::{Document, Element, HtmlElement, KeyboardEvent};

use crate::state::{in_dialog, typing};

/// Action of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Close,
    /// Move to the next (1) or previous (-1) row.
    Move(i64),
    Acknowledge,
    Select,
    /// Reload the list.
    Refresh,
}

/// The action of a key event, if the list handles it.
pub fn key_of(event: &KeyboardEvent) -> Option<Key> {
    if in_dialog() {
        return None;
    }
    if event.key() == "Escape" {
        let busy = typing(event);
        if busy {
            blur();
        }
        return (!busy).then_some(Key::Close);
    }
    if typing(event) || event.shift_key() {
        return None;
    }
    match event.key().as_str() {
        "j" => Some(Key::Move(1)),
        "k" => Some(Key::Move(-1)),
        "a" => Some(Key::Acknowledge),
        "x" => Some(Key::Select),
        "r" => Some(Key::Refresh),
        _ => None,
    }
}

fn document() -> Option<Document> {
    web_sys::window()?.document()
}

fn blur() {
    let focused = document().and_then(|document| document.active_element());
    if let Some(element) = focused.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
        // An element that cannot be blurred keeps the focus.
        let _ = element.blur();
    }
}

fn id_of(row: &Element) -> Option<i64> {
    row.get_attribute("data-id")?.parse().ok()
}

/// ID of the focused row.
pub fn focused_row() -> Option<i64> {
    let focused = document()?.active_element()?;
    id_of(&focused.closest("tr[data-id]").ok()??)
}

/// Focuses the link of a row.
pub fn focus_row(id: i64) {
    let link = document()
        .and_then(|d| {
            d.query_selector(&format!("tr[data-id=\"{id}\"] a.row-link"))
                .ok()
                .flatten()
        })
        .and_then(|link| link.dyn_into::<HtmlElement>().ok());
    if let Some(link) = link {
        // The browser scrolls it into view.
        let _ = link.focus();
    }
}

/// The row `step` rows after `from`; the first row if there is no `from`.
pub fn neighbour(ids: &[i64], from: Option<i64>, step: i64) -> Option<i64> {
    let at = from.and_then(|from| ids.iter().position(|id| *id == from));
    let to = match at {
        Some(at) => at.saturating_add_signed(isize::try_from(step).ok()?),
        None => 0,
    };
    ids.get(to.min(ids.len().saturating_sub(1))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_stops_at_both_ends() {
        let ids = [5, 4, 9];
        assert_eq!(neighbour(&ids, None, 1), Some(5));
        assert_eq!(neighbour(&ids, Some(5), 1), Some(4));
        assert_eq!(neighbour(&ids, Some(9), 1), Some(9));
        assert_eq!(neighbour(&ids, Some(5), -1), Some(5));
        assert_eq!(neighbour(&ids, Some(77), -1), Some(5));
        assert_eq!(neighbour(&[], Some(1), 1), None);
    }
}
