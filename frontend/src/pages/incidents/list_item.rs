use tocsin_api_types::Incident;
use yew::prelude::*;

use super::{super::empty::Empty, panel::IncidentPanel, stats::StatsStrip};
use crate::{
    components::{ack_mark, duration, severity, state_badge, time},
    i18n::Words,
    list::{ListItem, Value},
    query::Filter,
    route::Route,
    state::View,
};

impl ListItem for Incident {
    const PATH: &'static str = "incidents";
    const INCIDENTS: bool = true;

    fn id(&self) -> i64 {
        self.id
    }

    fn incident_id(&self) -> i64 {
        self.id
    }

    fn title(&self) -> String {
        self.alertname.clone()
    }

    fn known(&self) -> bool {
        self.known
    }

    fn note(&self) -> &str {
        &self.memo
    }

    fn mark(&self, words: &Words) -> Html {
        match &self.known_by {
            Some(by) => ack_mark(words, by),
            None => html! { <span class="sr-only">{ words.list.ended }</span> },
        }
    }

    fn list_route() -> Route {
        Route::Incidents
    }

    fn row_route(id: i64) -> Route {
        Route::Incident { id }
    }

    fn caption(words: &Words) -> &'static str {
        words.list.incident_table
    }

    fn head(words: &Words) -> Html {
        html! {
            <>
                <th scope="col" class="col-sev">{ words.common.severity }</th>
                <th scope="col" class="col-name">{ words.common.alertname }</th>
                <th scope="col" class="col-instance">{ words.common.instance }</th>
                <th scope="col" class="col-team">{ words.common.team }</th>
                <th scope="col" class="col-message">{ words.common.message }</th>
                <th scope="col" class="col-state">{ words.list.state }</th>
                <th scope="col" class="col-count num">{ words.list.count }</th>
                <th scope="col" class="col-duration num">{ words.list.duration }</th>
                <th scope="col" class="col-time num">{ words.list.last_seen }</th>
            </>
        }
    }

    fn cells(&self, words: &View, open: Html) -> Html {
        let instance = if self.instance.is_empty() {
            words.common.unknown
        } else {
            &self.instance
        };
        html! {
            <>
                <td class="col-sev"><Value in_row={true} name="severity" value={self.severity.clone()}>
                    { severity(words, &self.severity) }</Value></td>
                <td class="col-name">{ open }</td>
                <td class="col-instance"><Value in_row={true} name="instance" value={self.instance.clone()}>
                    { instance }</Value></td>
                <td class="col-team">
                    if !self.team.is_empty() {
                        <Value in_row={true} name="team" value={self.team.clone()} />
                    }
                </td>
                <td class="col-message" title={self.message.clone()}>{ &self.message }</td>
                <td class="col-state">{ state_badge(words, self.state, self.stale) }</td>
                <td class="col-count num" title={(words.list.times)(self.occurrences)}>{ format!("×{}", self.occurrences) }</td>
                <td class="col-duration num">{ duration(words, self.starts_at, self.ends_at) }</td>
                <td class="col-time num">{ time(words, self.last_seen_at) }</td>
            </>
        }
    }

    fn above(filter: &Filter, change: &Callback<Filter>) -> Html {
        html! { <StatsStrip filter={filter.clone()} change={change.clone()} /> }
    }

    fn empty() -> Html {
        html! { <Empty /> }
    }

    fn panel(id: i64) -> Html {
        html! { <IncidentPanel key={id} {id} /> }
    }
}
