use tocsin_api_types::{AuditEntry, Page};
use web_sys::HtmlSelectElement;
use yew::prelude::*;
use yew_router::{
    hooks::{use_location, use_navigator},
    query::Raw,
};

use super::audit_entry::{AuditPanel, action_name};
use crate::{
    api::use_fetch,
    components::{DraftInput, IconName, Popover, RouteLink, failure, icon, time},
    i18n::admin::{ACTIONS, KINDS},
    list::{Pager, export_links, form, pager, range_text, time_range},
    query::{Filter, Range, pairs, push_pair},
    route::Route,
    state::{View, use_view},
};

/// Rows per page.
const LIMIT: &str = "50";

/// State of the audit log page in the URL.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditFilter {
    q: String,
    actor: String,
    action: String,
    kind: String,
    id: String,
    range: Range,
    cursor: String,
}

impl AuditFilter {
    fn parse(query: &str) -> Self {
        let mut filter = Self {
            range: Filter::parse(query).range,
            ..Self::default()
        };
        for (name, value) in pairs(query) {
            if let Some((_, field)) = filter.fields_mut().into_iter().find(|(n, _)| *n == name) {
                *field = value;
            }
        }
        filter
    }

    fn fields_mut(&mut self) -> [(&'static str, &mut String); 6] {
        [
            ("q", &mut self.q),
            ("actor", &mut self.actor),
            ("action", &mut self.action),
            ("objectKind", &mut self.kind),
            ("objectId", &mut self.id),
            ("cursor", &mut self.cursor),
        ]
    }

    /// As a query string for the URL.
    fn to_url_query(&self) -> String {
        let time = Filter {
            range: self.range,
            ..Filter::default()
        };
        self.with(time.to_url_query())
    }

    /// As a query string for the API, without the page size.
    fn to_api_query(&self) -> String {
        let mut query = self.with(String::new());
        let (from, to) = self.range.bounds(crate::time::now());
        for (name, at) in [("from", from), ("to", to)] {
            if let Some(at) = at {
                push_pair(
                    &mut query,
                    name,
                    &at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                );
            }
        }
        query
    }

    fn with(&self, mut query: String) -> String {
        for (name, field) in self.clone().fields_mut() {
            if !field.is_empty() {
                push_pair(&mut query, name, field);
            }
        }
        query
    }

    /// A changed filter, on its first page.
    fn change(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        next.cursor.clear();
        change(&mut next);
        next
    }

    /// The history of one object.
    pub fn for_object(kind: &str, id: i64) -> String {
        Self {
            kind: kind.to_owned(),
            id: id.to_string(),
            ..Self::default()
        }
        .to_url_query()
    }

    /// All actions of one actor.
    pub fn for_actor(actor: &str) -> String {
        Self {
            actor: actor.to_owned(),
            ..Self::default()
        }
        .to_url_query()
    }
}

#[derive(Properties, PartialEq)]
pub struct AuditPageProps {
    /// Navigation of the administration pages.
    pub nav: Html,
    /// ID of the open entry.
    pub entry: Option<i64>,
}

/// The audit log, newest first.
#[component]
pub fn AuditPage(props: &AuditPageProps) -> Html {
    let words = &use_view();
    let navigator = use_navigator();
    let query = use_location().map(|l| l.query_str().to_owned());
    let query = query.unwrap_or_default();
    let filter = AuditFilter::parse(&query);
    let api = use_memo(filter.clone(), AuditFilter::to_api_query);
    let fetched = use_fetch::<Page<AuditEntry>>(format!("audit?limit={LIMIT}&{api}"));
    let url_query = filter.to_url_query();
    let go = {
        let entry = props.entry;
        Callback::from(move |next: AuditFilter| {
            let route = entry.map_or(Route::Audit, |id| Route::AuditEntry { id });
            if let Some(navigator) = &navigator {
                // A raw query is not encoded, so this cannot fail.
                let _ = navigator.push_with_query(&route, Raw(&next.to_url_query()));
            }
        })
    };
    let list = fetched.data.as_ref().map_or(&[][..], |page| &page.items);
    let step = |cursor: Option<String>| {
        let (go, filter) = (go.clone(), filter.clone());
        Callback::from(move |()| {
            go.emit(filter.change(|next| next.cursor = cursor.clone().unwrap_or_default()));
        })
    };
    let pages = fetched.data.as_ref().map(|page| Pager {
        rows: list.len(),
        page: None,
        first: filter.cursor.is_empty(),
        next: page.next_cursor.clone().map(|cursor| step(Some(cursor))),
        previous: step(page.prev_cursor.clone()),
        before: page.prev_cursor.is_some(),
        searching: false,
    });
    html! {
        <div class={classes!("list-page", "audit", props.entry.map(|_| "has-panel"))}>
            <div class="list-main">
                { props.nav.clone() }
                <p class="muted audit-why">{ words.admin.audit_why }</p>
                { filters(words, &filter, &go, &fetched.reload) }
                if let Some(error) = fetched.error.clone() {
                    { failure(words, &error, Some(fetched.reload.clone())) }
                }
                if list.is_empty() && fetched.data.is_some() {
                    <p class="none muted">{ words.admin.no_entries }</p>
                } else {
                    <table class="table-plain audit-table">
                        <caption class="sr-only">{ words.admin.audit }</caption>
                        <thead><tr>
                            <th scope="col">{ words.admin.when }</th><th scope="col">{ words.admin.who }</th>
                            <th scope="col">{ words.admin.what }</th><th scope="col">{ words.admin.object }</th>
                            <th scope="col">{ words.admin.address }</th>
                        </tr></thead>
                        <tbody>{ for list.iter().map(|entry| row(words, entry, props.entry, &url_query)) }</tbody>
                    </table>
                }
                // Always one child: a changing number of children would remount all of
                // them.
                if let Some(pages) = &pages {
                    { pager(words, pages) }
                }
            </div>
            if let Some(id) = props.entry {
                <AuditPanel key={id} {id} query={url_query} />
            }
        </div>
    }
}

fn row(words: &View, entry: &AuditEntry, open: Option<i64>, query: &str) -> Html {
    let current = open == Some(entry.id);
    html! {
        <tr key={entry.id} class={classes!("audit-row", current.then_some("is-current"))}>
            <td class="audit-time">{ time(words, entry.at) }</td>
            <td>{ actor(words, entry) }</td>
            <th scope="row" class="card-name">
                <RouteLink class="row-link" to={Route::AuditEntry { id: entry.id }} query={query.to_owned()} {current}>
                    { action_name(words, &entry.action) }
                </RouteLink>
            </th>
            <td>{ &entry.object_name }</td>
            <td class="muted audit-address">{ entry.address.clone().unwrap_or_default() }</td>
        </tr>
    }
}

/// The actor; anything but a user shows its kind.
pub fn actor(words: &View, entry: &AuditEntry) -> Html {
    use tocsin_api_types::ActorKind;
    let kind = (words.admin.actor_kind)(entry.actor_kind);
    html! {
        if entry.actor_kind == ActorKind::User {
            { &entry.actor_name }
        } else if entry.actor_name.is_empty() || entry.actor_kind != ActorKind::Token {
            <span class="muted">{ kind }</span>
        } else {
            { &entry.actor_name }{ " " }<span class="pill pill-quiet">{ kind }</span>
        }
    }
}

fn filters(
    words: &View,
    filter: &AuditFilter,
    go: &Callback<AuditFilter>,
    reload: &Callback<()>,
) -> Html {
    let onsubmit = {
        let (filter, go) = (filter.clone(), go.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            let q = form::text(&event, "q").trim().to_owned();
            go.emit(filter.change(|next| next.q = q));
        }
    };
    let select = |name: &'static str,
                  any: &'static str,
                  chosen: &str,
                  choices: Vec<(&'static str, &'static str)>,
                  change: fn(&mut AuditFilter, String)| {
        let (filter, go) = (filter.clone(), go.clone());
        let onchange = move |event: Event| {
            let code = event.target_unchecked_into::<HtmlSelectElement>().value();
            go.emit(filter.change(|next| change(next, code)));
        };
        html! {
            <select class={classes!("select", "select-sm", (!chosen.is_empty()).then_some("is-set"))} aria-label={name} {onchange}>
                <option value="" selected={chosen.is_empty()}>{ any }</option>
                { for choices.into_iter().map(|(code, text)| html! {
                    <option value={code} selected={code == chosen}>{ text }</option>
                }) }
            </select>
        }
    };
    let actions = ACTIONS
        .iter()
        .map(|(code, ..)| (*code, (words.admin.action)(code).unwrap_or(code)));
    let kinds = KINDS
        .iter()
        .map(|(code, ..)| (*code, (words.admin.kind)(code).unwrap_or(code)));
    let set_range = {
        let (filter, go) = (filter.clone(), go.clone());
        Callback::from(move |range| go.emit(filter.change(|next| next.range = range)))
    };
    let drop_one = |change: fn(&mut AuditFilter)| {
        let (filter, go) = (filter.clone(), go.clone());
        Callback::from(move |_: MouseEvent| go.emit(filter.change(change)))
    };
    let chip = |text: String, drop: Callback<MouseEvent>| {
        html! {
            <span class="chip"><span class="chip-text">{ &text }</span>
                <button type="button" class="chip-x" aria-label={(words.list.remove)(&text)} onclick={drop}>{ icon(IconName::Close) }</button>
            </span>
        }
    };
    let chosen = filter.to_url_query();
    html! {
        <div class="filter-bar">
            <div class="filter-line">
                <form class="search" role="search" {onsubmit}>
                    { icon(IconName::Search) }
                    <DraftInput id="search" name="q" kind="search" value={filter.q.clone()}
                        placeholder={words.admin.search_hint} label={words.admin.search} />
                </form>
                { select(words.admin.what, words.admin.any_action, &filter.action, actions.collect(), |next, code| next.action = code) }
                { select(words.admin.object, words.admin.any_object, &filter.kind, kinds.collect(), |next, code| {
                    next.kind = code;
                    next.id.clear();
                }) }
                <Popover button_class={classes!("btn", "btn-sm", (filter.range != Range::All).then_some("is-set"))} chosen={chosen.clone()}
                    button={html! { <>{ icon(IconName::Clock) }{ range_text(filter.range, words) }</> }}>
                    { time_range(words, filter.range, &set_range, words.list.time) }
                </Popover>
                <span class="grow only-wide"></span>
                <Popover end=true button_class="btn btn-sm" {chosen}
                    button={html! { <>{ icon(IconName::Download) }{ words.list.export }</> }}>
                    { export_links(words, "audit", &filter.change(|_| ()).to_api_query(), &Callback::noop()) }
                </Popover>
                <button type="button" class="icon-btn" aria-label={words.list.refresh} title={words.list.refresh}
                    onclick={reload.reform(|_| ())}>{ icon(IconName::Refresh) }</button>
            </div>
            if !filter.actor.is_empty() || !filter.id.is_empty() {
                <div class="chips" role="group" aria-label={words.list.filters}>
                    if !filter.actor.is_empty() {
                        { chip((words.admin.only_actor)(&filter.actor), drop_one(|next| next.actor.clear())) }
                    }
                    if !filter.id.is_empty() {
                        { chip((words.admin.only_object)(&format!("#{}", filter.id)), drop_one(|next| next.id.clear())) }
                    }
                </div>
            }
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audit_filter_round_trips_through_the_url() {
        for query in [
            "",
            "range=24h&q=ana&actor=user:7&action=user.update&objectKind=user&objectId=3&cursor=abc",
        ] {
            assert_eq!(AuditFilter::parse(query).to_url_query(), query);
        }
        let filter = AuditFilter::parse("q=ana&cursor=abc");
        assert_eq!(
            filter
                .change(|f| f.action = "sign-out".to_owned())
                .to_url_query(),
            "q=ana&action=sign-out"
        );
        assert_eq!(
            AuditFilter::for_object("route", 4),
            "objectKind=route&objectId=4"
        );
    }
}
