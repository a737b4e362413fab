use tocsin_api_types::{Alert, EntryKind};
use yew::prelude::*;

use super::{super::empty::Empty, delivery_warnings::delivery_warnings, panel::EntryPanel};
use crate::{
    components::{IconName, icon, severity, status_badge, time},
    i18n::Words,
    list::{ListItem, Value},
    query::Filter,
    route::Route,
    state::View,
};

impl ListItem for Alert {
    const PATH: &'static str = "alerts";
    const INCIDENTS: bool = false;

    fn id(&self) -> i64 {
        self.id
    }

    fn incident_id(&self) -> i64 {
        self.incident_id
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
        html! {
            <span class="muted known-mark" title={words.detail.known_or_ended}>
                { icon(IconName::Check) }<span class="sr-only">{ words.detail.known_or_ended }</span>
            </span>
        }
    }

    fn list_route() -> Route {
        Route::Log
    }

    fn row_route(id: i64) -> Route {
        Route::Entry { id }
    }

    fn caption(words: &Words) -> &'static str {
        words.list.log_table
    }

    fn head(words: &Words) -> Html {
        html! {
            <>
                <th scope="col" class="col-sev">{ words.common.severity }</th>
                <th scope="col" class="col-state">{ words.list.status }</th>
                <th scope="col" class="col-name">{ words.common.alertname }</th>
                <th scope="col" class="col-instance">{ words.common.instance }</th>
                <th scope="col" class="col-team">{ words.common.team }</th>
                <th scope="col" class="col-message">{ words.common.message }</th>
                <th scope="col" class="col-time num">{ words.list.received }</th>
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
                <td class="col-state">{ status_badge(words, self.status) }
                    if self.kind == EntryKind::Late {
                        <span class="late" title={(words.common.kind)(self.kind)}>{ icon(IconName::Clock) }
                            <span class="sr-only">{ (words.common.kind)(self.kind) }</span></span>
                    }
                </td>
                <td class="col-name">{ open }</td>
                <td class="col-instance"><Value in_row={true} name="instance" value={self.instance.clone()}>
                    { instance }</Value></td>
                <td class="col-team">
                    if !self.team.is_empty() {
                        <Value in_row={true} name="team" value={self.team.clone()} />
                    }
                </td>
                <td class="col-message" title={self.message.clone()}>{ &self.message }</td>
                <td class="col-time num">{ time(words, self.received_at) }</td>
            </>
        }
    }

    fn above(_: &Filter, _: &Callback<Filter>) -> Html {
        delivery_warnings()
    }

    fn empty() -> Html {
        html! { <>{ delivery_warnings() }<Empty /></> }
    }

    fn panel(id: i64) -> Html {
        html! { <EntryPanel key={id} {id} /> }
    }
}
