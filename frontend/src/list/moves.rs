//! What moves in the window, and when: nothing jumps under the pointer.

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

/// Scrolls to the page's beginning.
pub fn to_top() {
    if let Some(window) = web_sys::window() {
        window.scroll_to_with_x_and_y(0.0, 0.0);
    }
}

/// Whether the window is as narrow as a phone, where rows are cards.
pub fn is_phone() -> bool {
    web_sys::window()
        .and_then(|window| window.match_media("(max-width: 639px)").ok().flatten())
        .is_some_and(|query| query.matches())
}
