use yew::prelude::*;

/// Callbacks from rows, panels and chips to their list.
#[derive(Clone, PartialEq)]
pub struct ListActions {
    /// A label value was clicked: name, value, exclude.
    pub filter: Callback<(AttrValue, AttrValue, bool)>,
    pub close: Callback<()>,
}

/// The enclosing list, if any.
#[hook]
pub fn use_list_actions() -> Option<ListActions> {
    use_context::<ListActions>()
}
