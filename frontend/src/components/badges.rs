use tocsin_api_types::{IncidentState, Status};
use yew::prelude::*;

use super::{Icon, IconName};
use crate::i18n::use_words;

#[derive(Properties, PartialEq)]
pub struct SeverityProps {
    pub value: AttrValue,
}

/// A severity: picture, word and colour. One that we do not know is shown as it
/// came, in no colour.
#[component]
pub fn Severity(props: &SeverityProps) -> Html {
    let words = use_words();
    let value = props.value.as_str();
    let (class, icon) = match value {
        "critical" => ("sev-critical", IconName::Critical),
        "warning" => ("sev-warning", IconName::Alert),
        "info" => ("sev-info", IconName::Info),
        _ => ("sev-other", IconName::Dot),
    };
    let text = match (words.common.severity_name)(value) {
        Some(name) => name.into(),
        None if value.is_empty() => AttrValue::from(words.common.no_severity),
        None => props.value.clone(),
    };
    html! {
        <span class={classes!("sev", class)}><Icon name={icon} /><span class="truncate">{ text }</span></span>
    }
}

#[derive(Properties, PartialEq)]
pub struct StatusBadgeProps {
    pub status: Status,
}

/// What a log entry said.
#[component]
pub fn StatusBadge(props: &StatusBadgeProps) -> Html {
    let words = use_words();
    let (class, icon) = match props.status {
        Status::Firing => ("pill-firing", IconName::Flame),
        Status::Resolved => ("pill-resolved", IconName::Check),
    };
    html! {
        <span class={classes!("pill", class)}><Icon name={icon} />{ (words.common.status)(props.status) }</span>
    }
}

#[derive(Properties, PartialEq)]
pub struct StateBadgeProps {
    pub state: IncidentState,
    pub stale: bool,
}

/// Where an incident stands.
#[component]
pub fn StateBadge(props: &StateBadgeProps) -> Html {
    let words = use_words();
    let (class, icon) = match (props.state, props.stale) {
        (IncidentState::Open, false) => ("pill-firing", IconName::Flame),
        (IncidentState::Open, true) => ("pill-stale", IconName::Clock),
        (IncidentState::Resolved, _) => ("pill-resolved", IconName::Check),
        (IncidentState::Lost, _) => ("pill-lost", IconName::Lost),
    };
    let text = if props.stale {
        words.common.stale
    } else {
        (words.common.state)(props.state)
    };
    html! { <span class={classes!("pill", class)}><Icon name={icon} />{ text }</span> }
}

#[derive(Properties, PartialEq)]
pub struct AckMarkProps {
    pub by: AttrValue,
}

/// Who acknowledged.
#[component]
pub fn AckMark(props: &AckMarkProps) -> Html {
    let words = use_words();
    let title = (words.common.acknowledged_by)(&props.by);
    html! {
        <span class="ack-mark" {title}>
            <Icon name={IconName::Check} />
            <span class="sr-only">{ words.common.acknowledged }{ " " }</span>
            <span class="truncate">{ props.by.clone() }</span>
        </span>
    }
}
