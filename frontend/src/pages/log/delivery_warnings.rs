use std::time::Duration;

use chrono::SecondsFormat;
use tocsin_api_types::{ChangeEvent, Delivery, Page};
use yew::prelude::*;

use crate::{
    api::{self, use_fetch},
    components::{Dialog, IconName, failure, icon, time},
    i18n::Words,
    state::{Signal, use_me, use_signals, use_view},
    time::now,
};

/// Warnings older than this are not shown.
const SHOWN: Duration = Duration::from_secs(7 * 86_400);

/// Problems of requests to the webhook that the log does not show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Warning {
    /// The request could not be parsed.
    Rejected,
    /// Alerts of the request notified no recipient.
    Unrouted,
}

/// Warnings about requests of the last days that were rejected or notified no recipient.
pub fn delivery_warnings() -> Html {
    html! { <DeliveryWarnings /> }
}

/// Renders nothing for users who do not see all alerts: a request may contain others.
#[component]
fn DeliveryWarnings() -> Html {
    if use_me().is_none_or(|me| !me.matchers.is_empty()) {
        return html! {};
    }
    html! {
        <>
            <WarningLine warning={Warning::Rejected} />
            <WarningLine warning={Warning::Unrouted} />
        </>
    }
}

#[derive(Properties, PartialEq)]
struct Props {
    warning: Warning,
}

impl Warning {
    fn filter(self) -> &'static str {
        match self {
            Self::Rejected => "outcome=refused",
            Self::Unrouted => "unrouted=true",
        }
    }

    fn is_in(self, event: &ChangeEvent) -> bool {
        match event {
            ChangeEvent::Delivery(delivery) => match self {
                Self::Rejected => delivery.refused,
                // Only new log entries trigger notifications.
                Self::Unrouted => delivery.entries > 0,
            },
            _ => false,
        }
    }

    fn line(self, words: &Words, count: u64, more: bool) -> String {
        match self {
            Self::Rejected => (words.list.rejected)(count, more),
            Self::Unrouted => (words.list.unrouted)(count, more),
        }
    }

    fn title_and_why(self, words: &Words) -> (&'static str, &'static str) {
        match self {
            Self::Rejected => (words.list.rejected_title, words.list.rejected_why),
            Self::Unrouted => (words.list.unrouted_title, words.list.unrouted_why),
        }
    }

    fn about(self, words: &Words, delivery: &Delivery) -> String {
        match self {
            Self::Rejected => delivery.reason.clone().unwrap_or_default(),
            Self::Unrouted => (words.list.unrouted_alerts)(delivery.unrouted.unsigned_abs()),
        }
    }
}

/// A line with the count, and a dialog with the requests.
#[component]
fn WarningLine(Props { warning }: &Props) -> Html {
    let warning = *warning;
    let words = &use_view();
    let open = use_state_eq(|| false);
    let path = use_memo(warning, |warning| {
        let from = (now() - SHOWN).to_rfc3339_opts(SecondsFormat::Secs, true);
        format!("deliveries?{}&from={from}&limit=50", warning.filter())
    });
    let fetched = use_fetch::<Page<Delivery>>((*path).clone());
    let reload = fetched.reload.clone();
    use_signals(Callback::from(move |signal| match signal {
        Signal::Resync => reload.emit(()),
        Signal::Change(event) if warning.is_in(&event) => reload.emit(()),
        Signal::Change(_) | Signal::LocalChange => {}
    }));
    let Some(page) = fetched.data.filter(|page| !page.items.is_empty()) else {
        return match fetched.error {
            Some(error) => html! { { failure(words, &error, Some(fetched.reload)) } },
            None => html! {},
        };
    };
    let text = warning.line(words, page.items.len() as u64, page.next_cursor.is_some());
    let (title, why) = warning.title_and_why(words);
    let toggle = {
        let open = open.clone();
        Callback::from(move |()| open.set(!*open))
    };
    html! {
        <>
            <button type="button" class="refused-line" aria-haspopup="dialog" onclick={toggle.reform(|_| ())}>
                { icon(IconName::Alert) }{ text }
            </button>
            if *open {
                <Dialog {title} close={toggle} class="wide">
                    <p class="muted">{ why }</p>
                    <ul class="plain-list">
                        { for page.items.iter().map(|delivery| html! {
                            <li key={delivery.id} class="refused-item">
                                <p>{ warning.about(words, delivery) }</p>
                                <p class="muted text-sm">
                                    { time(words, delivery.received_at) }{ " · " }{ &delivery.source }{ " · " }
                                    { (words.list.bytes)(delivery.body_bytes) }
                                    if delivery.raw_available {
                                        { " · " }
                                        <a class="link" target="_blank" rel="noopener"
                                            href={api::url(&format!("deliveries/{}/raw", delivery.id))}>{ words.list.payload }</a>
                                    }
                                </p>
                            </li>
                        }) }
                    </ul>
                </Dialog>
            }
        </>
    }
}
