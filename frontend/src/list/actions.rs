use yew::prelude::*;

/// What a row, a panel or a chip may ask of its list.
#[derive(Clone, PartialEq)]
pub struct ListActions {
    /// A label's value was clicked: name, value, exclude.
    pub filter: Callback<(AttrValue, AttrValue, bool)>,
    /// Closes the panel.
    pub close: Callback<()>,
}

/// The list that this is a part of, if any.
#[hook]
pub fn use_list_actions() -> Option<ListActions> {
    use_context::<ListActions>()
}
