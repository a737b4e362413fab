use yew::prelude::*;

use crate::{
    api,
    components::{IconName, Popover, icon},
    i18n::{Words, use_words},
    query::{Filter, push_pair},
    time,
};

/// The formats of the API, by their own names in any language.
const FORMATS: [(&str, &str); 3] = [
    ("csv", "CSV"),
    ("xlsx", "Excel (XLSX)"),
    ("jsonl", "JSON Lines"),
];

#[derive(Properties, PartialEq)]
pub struct ExportProps {
    pub filter: Filter,
    /// Incidents rather than log entries.
    pub incidents: bool,
}

/// Takes the whole list as a file, with the filter and the order in force.
#[component]
pub fn ExportMenu(props: &ExportProps) -> Html {
    let words = use_words();
    let taken = use_state_eq(|| 0_u32);
    let take = {
        let taken = taken.clone();
        Callback::from(move |()| taken.set(*taken + 1))
    };
    html! {
        <Popover end=true button_class="btn btn-sm" chosen={format!("{} {}", *taken, props.filter.to_address())}
            button={html! { <>{ icon(IconName::Download) }<span class="export-word">{ words.list.export }</span></> }}>
            { export_of(words, &props.filter, props.incidents, &take) }
        </Popover>
    }
}

/// A link for each format of a list, with the query that narrows it.
pub fn export_links(words: &Words, list: &str, query: &str, take: &Callback<()>) -> Html {
    let links = FORMATS.into_iter().map(|(format, name)| {
        let mut query = query.to_owned();
        push_pair(&mut query, "format", format);
        let address = api::address(&format!("{list}/export?{query}"));
        // The server says what the file is called.
        html! {
            <a class="menu-item" href={address} download="" onclick={take.reform(|_| ())}>{ name }</a>
        }
    });
    html! { <div class="menu-list" role="group" aria-label={words.list.export_hint}>{ for links }</div> }
}

/// The same, for incidents or the log.
pub fn export_of(words: &Words, filter: &Filter, incidents: bool, take: &Callback<()>) -> Html {
    let list = if incidents { "incidents" } else { "alerts" };
    export_links(words, list, &filter.to_api(time::now()), take)
}
