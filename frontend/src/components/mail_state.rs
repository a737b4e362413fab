use tocsin_api_types::NotificationState;
use yew::prelude::*;

use super::{Icon, IconName};
use crate::i18n::use_words;

#[derive(Properties, PartialEq)]
pub struct MailStateProps {
    pub state: NotificationState,
}

/// How far a mail has come: picture, word and colour.
#[component]
pub fn MailState(props: &MailStateProps) -> Html {
    let words = use_words();
    let (class, icon) = match props.state {
        NotificationState::Queued => ("pill-quiet", IconName::Clock),
        NotificationState::Sending => ("pill-quiet", IconName::Mail),
        NotificationState::Sent => ("pill-resolved", IconName::Check),
        NotificationState::Failed => ("pill-failed", IconName::Alert),
        NotificationState::Written => ("pill-quiet", IconName::List),
    };
    html! {
        <span class={classes!("pill", class)}><Icon name={icon} />{ (words.people.mail_state)(props.state) }</span>
    }
}
