use serde::de::DeserializeOwned;
use yew::prelude::*;

use crate::{i18n::Words, query::Filter, route::Route, state::View};

/// Something that a list page can list. To add a list: implement this, and draw
/// a [`super::ListPage`] of it.
pub trait Listed: Clone + PartialEq + DeserializeOwned + 'static {
    /// The path of the API that lists it.
    const PATH: &'static str;
    /// Whether it is an incident, rather than a log entry of one.
    const INCIDENTS: bool;

    /// Its number; later ones have higher numbers.
    fn id(&self) -> i64;
    /// The incident that acknowledging it acknowledges.
    fn incident_id(&self) -> i64;
    /// What it is called.
    fn title(&self) -> String;
    /// Acknowledged or ended.
    fn known(&self) -> bool;
    /// Its incident's memo.
    fn memo(&self) -> &str;

    /// The address of the list.
    fn list_route() -> Route;
    /// The address of one row.
    fn row_route(id: i64) -> Route;
    /// What the table is, for screen readers.
    fn caption(words: &Words) -> &'static str;
    /// The heads of the columns after the check boxes.
    fn head(words: &Words) -> Html;
    /// The cells under those heads.
    fn cells(&self, words: &View, open: Html) -> Html;
    /// Who acknowledged it, or how else it became known.
    fn mark(&self, words: &Words) -> Html;
    /// What stands above the list, for the filter in force.
    fn above(filter: &Filter, change: &Callback<Filter>) -> Html;
    /// What is shown while there is nothing at all.
    fn empty() -> Html;
    /// What is shown beside the list of the row with that number.
    fn panel(id: i64) -> Html;
}
