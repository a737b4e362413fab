//! Scroll position and pointer: rows do not move under the pointer.

use std::cell::Cell;

/// How long rows stay in place after a pointer move, in milliseconds.
const AIM_WINDOW_MS: f64 = 1_500.0;

thread_local! {
    static POINTER_MOVED_AT: Cell<f64> = const { Cell::new(f64::NEG_INFINITY) };
}

/// Records a pointer move over the rows.
pub fn pointer_moved() {
    POINTER_MOVED_AT.with(|at| at.set(js_sys::Date::now()));
}

/// True if the list is scrolled to its top, the pointer has not moved recently, and no
/// row has the focus.
pub fn rows_may_move() -> bool {
    let Some(document) = web_sys::window().and_then(|window| window.document()) else {
        return true;
    };
    let top = document
        .get_element_by_id("rows")
        .is_none_or(|rows| rows.get_bounding_client_rect().top() >= 0.0);
    let aiming = POINTER_MOVED_AT.with(|at| js_sys::Date::now() - at.get() < AIM_WINDOW_MS);
    let focused = document
        .active_element()
        .and_then(|element| element.closest("tr[data-id]").ok().flatten());
    top && !aiming && focused.is_none()
}

/// Scrolls to the top of the page.
pub fn to_top() {
    if let Some(window) = web_sys::window() {
        window.scroll_to_with_x_and_y(0.0, 0.0);
    }
}

/// True for phone widths, where rows are cards.
pub fn is_phone() -> bool {
    web_sys::window()
        .and_then(|window| window.match_media("(max-width: 639px)").ok().flatten())
        .is_some_and(|query| query.matches())
}
