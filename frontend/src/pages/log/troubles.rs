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

/// Older trouble is history, not something to act on.
const SHOWN: Duration = Duration::from_secs(7 * 86_400);

/// What can be wrong with deliveries that the log alone does not show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// Nothing of them could be read.
    Refused,
    /// Their alerts owed mail, and it reached nobody.
    Unrouted,
}

/// Silence would look like health: deliveries of the last days that were
/// refused, and those whose mail reached nobody.
pub fn troubles() -> Html {
    html! { <Troubles /> }
}

/// Nothing for who sees only some alerts: a delivery tells of others.
#[component]
fn Troubles() -> Html {
    if use_me().is_none_or(|me| !me.matchers.is_empty()) {
        return html! {};
    }
    html! {
        <>
            <TroubleLine trouble={Trouble::Refused} />
            <TroubleLine trouble={Trouble::Unrouted} />
        </>
    }
}

#[derive(Properties, PartialEq)]
struct Props {
    trouble: Trouble,
}

impl Trouble {
    fn filter(self) -> &'static str {
        match self {
            Self::Refused => "outcome=refused",
            Self::Unrouted => "unrouted=true",
        }
    }

    fn is_in(self, event: &ChangeEvent) -> bool {
        match event {
            ChangeEvent::Delivery(delivery) => match self {
                Self::Refused => delivery.refused,
                // Only what is new can owe mail.
                Self::Unrouted => delivery.entries > 0,
            },
            _ => false,
        }
    }

    fn line(self, words: &Words, count: u64, more: bool) -> String {
        match self {
            Self::Refused => (words.list.refused)(count, more),
            Self::Unrouted => (words.list.unrouted)(count, more),
        }
    }

    fn title_and_why(self, words: &Words) -> (&'static str, &'static str) {
        match self {
            Self::Refused => (words.list.refused_title, words.list.refused_why),
            Self::Unrouted => (words.list.unrouted_title, words.list.unrouted_why),
        }
    }

    fn about(self, words: &Words, delivery: &Delivery) -> String {
        match self {
            Self::Refused => delivery.reason.clone().unwrap_or_default(),
            Self::Unrouted => (words.list.unrouted_alerts)(delivery.unrouted.unsigned_abs()),
        }
    }
}

/// A line that says how many, and a sheet that says which and why.
#[component]
fn TroubleLine(Props { trouble }: &Props) -> Html {
    let trouble = *trouble;
    let words = &use_view();
    let open = use_state_eq(|| false);
    let path = use_memo(trouble, |trouble| {
        let from = (now() - SHOWN).to_rfc3339_opts(SecondsFormat::Secs, true);
        format!("deliveries?{}&from={from}&limit=50", trouble.filter())
    });
    let fetched = use_fetch::<Page<Delivery>>((*path).clone());
    let reload = fetched.reload.clone();
    use_signals(Callback::from(move |signal| match signal {
        Signal::Resync => reload.emit(()),
        Signal::Change(event) if trouble.is_in(&event) => reload.emit(()),
        Signal::Change(_) | Signal::Acted => {}
    }));
    let Some(page) = fetched.data.filter(|page| !page.items.is_empty()) else {
        return match fetched.error {
            Some(error) => html! { { failure(words, &error, Some(fetched.reload)) } },
            None => html! {},
        };
    };
    let text = trouble.line(words, page.items.len() as u64, page.next_cursor.is_some());
    let (title, why) = trouble.title_and_why(words);
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
                                <p>{ trouble.about(words, delivery) }</p>
                                <p class="muted text-sm">
                                    { time(words, delivery.received_at) }{ " · " }{ &delivery.source }{ " · " }
                                    { (words.list.refused_bytes)(delivery.body_bytes) }
                                    if delivery.raw_available {
                                        { " · " }
                                        <a class="link" target="_blank" rel="noopener"
                                            href={api::address(&format!("deliveries/{}/raw", delivery.id))}>{ words.list.raw }</a>
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
