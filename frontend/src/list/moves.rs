//! Whether rows may move just now: nothing jumps under the pointer.

use std::cell::Cell;

/// How long after a movement the pointer counts as aiming, in milliseconds.
const AIMING: f64 = 1_500.0;

thread_local! {
    static POINTED: Cell<f64> = const { Cell::new(f64::NEG_INFINITY) };
}

/// The pointer moved over the rows.
pub fn pointed() {
    POINTED.with(|pointed| pointed.set(js_sys::Date::now()));
}

/// The list is at its top, the pointer is not aiming at a row, and no row has
/// the focus.
pub fn may_move() -> bool {
    let Some(document) = web_sys::window().and_then(|window| window.document()) else {
        return true;
    };
    let top = document
        .get_element_by_id("rows")
        .is_none_or(|rows| rows.get_bounding_client_rect().top() >= 0.0);
    let aiming = POINTED.with(|pointed| js_sys::Date::now() - pointed.get() < AIMING);
    let focused = document
        .active_element()
        .and_then(|element| element.closest("tr[data-id]").ok().flatten());
    top && !aiming && focused.is_none()
}

/// Scrolls to the list's beginning.
pub fn to_top() {
    let rows = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id("main"));
    if let Some(rows) = rows {
        rows.scroll_into_view();
    }
}
