use serde::de::DeserializeOwned;
use yew::prelude::*;

use crate::{i18n::Words, query::Filter, route::Route, state::View};

/// A row type of a list page. To add a list, implement this trait and render a
/// [`super::ListPage`] of it.
pub trait ListItem: Clone + PartialEq + DeserializeOwned + 'static {
    /// API path of the list.
    const PATH: &'static str;
    /// True for incidents, false for log entries.
    const INCIDENTS: bool;

    fn id(&self) -> i64;
    /// ID of the incident to acknowledge.
    fn incident_id(&self) -> i64;
    fn title(&self) -> String;
    /// Acknowledged or ended.
    fn known(&self) -> bool;
    /// The note of the incident.
    fn note(&self) -> &str;

    fn list_route() -> Route;
    fn row_route(id: i64) -> Route;
    /// Table caption, for screen readers.
    fn caption(words: &Words) -> &'static str;
    /// Column headers after the check box.
    fn head(words: &Words) -> Html;
    /// Cells of those columns.
    fn cells(&self, words: &View, open: Html) -> Html;
    /// Mark for an acknowledged or ended row.
    fn mark(&self, words: &Words) -> Html;
    /// Content above the list.
    fn above(filter: &Filter, change: &Callback<Filter>) -> Html;
    /// Content before the first alert.
    fn empty() -> Html;
    /// The panel of a row.
    fn panel(id: i64) -> Html;
}
