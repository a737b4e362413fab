use tocsin_api_types::Incident;
use yew::prelude::*;

use super::panel::IncidentPanel;
use crate::{
    components::{AckMark, Duration, Severity, StateBadge, Time},
    i18n::Words,
    list::{Listed, Value},
    route::Route,
};

impl Listed for Incident {
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

    fn memo(&self) -> &str {
        &self.memo
    }

    fn mark(&self, words: &Words) -> Html {
        match &self.known_by {
            Some(by) => html! { <AckMark by={by.clone()} /> },
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

    fn cells(&self, words: &Words, open: Html) -> Html {
        let instance = if self.instance.is_empty() {
            words.common.unknown
        } else {
            &self.instance
        };
        html! {
            <>
                <td class="col-sev"><Value in_row={true} name="severity" value={self.severity.clone()}>
                    <Severity value={self.severity.clone()} /></Value></td>
                <td class="col-name">{ open }</td>
                <td class="col-instance"><Value in_row={true} name="instance" value={self.instance.clone()}>
                    { instance }</Value></td>
                <td class="col-team">
                    if !self.team.is_empty() {
                        <Value in_row={true} name="team" value={self.team.clone()} />
                    }
                </td>
                <td class="col-message" title={self.message.clone()}>{ &self.message }</td>
                <td class="col-state"><StateBadge state={self.state} stale={self.stale} /></td>
                <td class="col-count num" title={(words.list.times)(self.occurrences)}>{ format!("×{}", self.occurrences) }</td>
                <td class="col-duration num"><Duration from={self.starts_at} to={self.ends_at} /></td>
                <td class="col-time num"><Time at={self.last_seen_at} /></td>
            </>
        }
    }

    fn panel(id: i64) -> Html {
        html! { <IncidentPanel key={id} {id} /> }
    }
}
