use yew::prelude::*;

use crate::{
    api,
    components::{IconName, Popover, icon},
    i18n::{Words, use_words},
    query::{Filter, push_pair},
    time,
};

/// Export formats of the API, with names that need no translation.
const FORMATS: [(&str, &str); 3] = [
    ("csv", "CSV"),
    ("xlsx", "Excel (XLSX)"),
    ("jsonl", "JSON Lines"),
];

#[derive(Properties, PartialEq)]
pub struct ExportProps {
    pub filter: Filter,
    pub incidents: bool,
}

/// Menu that exports the list with the current filter and order.
#[component]
pub fn ExportMenu(props: &ExportProps) -> Html {
    let words = use_words();
    let taken = use_state_eq(|| 0_u32);
    let take = {
        let taken = taken.clone();
        Callback::from(move |()| taken.set(*taken + 1))
    };
    html! {
        <Popover end=true button_class="btn btn-sm" chosen={format!("{} {}", *taken, props.filter.to_url_query())}
            button={html! { <>{ icon(IconName::Download) }<span class="export-word">{ words.list.export }</span></> }}>
            { export_of(words, &props.filter, props.incidents, &take) }
        </Popover>
    }
}

/// Links to the export of `list` in each format.
pub fn export_links(words: &Words, list: &str, query: &str, take: &Callback<()>) -> Html {
    let links = FORMATS.into_iter().map(|(format, name)| {
        let mut query = query.to_owned();
        push_pair(&mut query, "format", format);
        let href = api::url(&format!("{list}/export?{query}"));
        // The server sets the file name.
        html! {
            <a class="menu-item" {href} download="" onclick={take.reform(|_| ())}>{ name }</a>
        }
    });
    html! { <div class="menu-list" role="group" aria-label={words.list.export_hint}>{ for links }</div> }
}

/// Export links of the incidents or the alert log.
pub fn export_of(words: &Words, filter: &Filter, incidents: bool, take: &Callback<()>) -> Html {
    let list = if incidents { "incidents" } else { "alerts" };
    export_links(words, list, &filter.to_api_query(time::now()), take)
}
