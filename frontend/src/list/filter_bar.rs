use std::rc::Rc;

use gloo_timers::callback::Timeout;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::{
    add_filter::add_filter,
    chips::chips,
    chips::range_text,
    export::{ExportMenu, export_of},
    quick::quick,
    sort::sort_by,
    time_range::time_range,
};
use crate::{
    components::{Dialog, IconName, Popover, icon},
    i18n::use_words,
    query::{Filter, Range, looks_like_matcher},
};

/// Delay after the last keystroke before searching, in milliseconds.
const DEBOUNCE_MS: u32 = 300;

#[derive(Properties, PartialEq)]
pub struct FilterBarProps {
    pub filter: Filter,
    pub change: Callback<Filter>,
    pub incidents: bool,
    pub refresh: Callback<()>,
    /// The list is loading.
    pub busy: bool,
    /// Actions for the selected rows. They replace the filters, so that rows do not
    /// move.
    #[prop_or_default]
    pub bulk: Option<Html>,
}

/// Filters, sort order and export of a list. On a phone: a search field and a sheet.
#[component]
pub fn FilterBar(props: &FilterBarProps) -> Html {
    let words = use_words();
    let sheet = use_state_eq(|| false);
    let FilterBarProps {
        filter,
        change,
        incidents,
        ..
    } = props;
    let meaning = match *incidents {
        true => words.list.active_in,
        false => words.list.received_in,
    };
    let set_range = {
        let (filter, change) = (filter.clone(), change.clone());
        Callback::from(move |range| {
            change.emit(Filter {
                range,
                ..filter.clone()
            })
        })
    };
    let open_sheet = {
        let sheet = sheet.clone();
        move |_| sheet.set(true)
    };
    let close_sheet = {
        let sheet = sheet.clone();
        Callback::from(move |()| sheet.set(false))
    };
    let terms = filter.terms().len();
    html! {
        <div class={classes!("filter-bar", props.bulk.is_some().then_some("is-selecting"))}>
            { props.bulk.clone() }
            <div class="filter-line">
                <SearchField filter={filter.clone()} change={change.clone()} />
                <div class="only-wide contents-wide">
                    { quick(words, filter, change, *incidents) }
                    <Popover button_class="btn btn-sm" chosen={filter.to_url_query()}
                        button={html! { <>{ icon(IconName::Filter) }{ words.list.add }</> }}>
                        { add_filter(words, filter, change) }
                    </Popover>
                    <Popover button_class={classes!("btn", "btn-sm", (filter.range != Range::All).then_some("is-set"))}
                        chosen={filter.to_url_query()}
                        button={html! { <>{ icon(IconName::Clock) }{ range_text(filter.range, words) }</> }}>
                        { time_range(words, filter.range, &set_range, meaning) }
                    </Popover>
                    if *incidents {
                        { sort_by(words, filter, change) }
                    }
                </div>
                <button type="button" class="btn btn-sm only-phone" aria-haspopup="dialog" onclick={open_sheet}>
                    { icon(IconName::Filter) }
                    { if terms > 0 { (words.list.filter_n)(terms) } else { words.list.filters.to_owned() } }
                </button>
                <span class="grow only-wide"></span>
                <div class="only-wide">
                    <ExportMenu filter={filter.clone()} incidents={*incidents} />
                </div>
                <button type="button" class={classes!("icon-btn", props.busy.then_some("is-busy"))} aria-label={words.list.refresh}
                    title={words.list.refresh} onclick={props.refresh.reform(|_| ())}>
                    { icon(IconName::Refresh) }
                </button>
            </div>
            { chips(words, filter, change) }
            if *sheet {
                <Dialog title={words.list.filters} close={close_sheet} class="sheet">
                    <div class="sheet-body">
                        <h3>{ words.list.show }</h3>
                        { quick(words, filter, change, *incidents) }
                        <h3>{ words.list.add }</h3>
                        { add_filter(words, filter, change) }
                        <h3>{ words.list.time }</h3>
                        { time_range(words, filter.range, &set_range, meaning) }
                        if *incidents {
                            <h3>{ words.list.sort }</h3>
                            { sort_by(words, filter, change) }
                        }
                        { chips(words, filter, change) }
                        <h3>{ words.list.export }</h3>
                        { export_of(words, filter, *incidents, &Callback::noop()) }
                    </div>
                </Dialog>
            }
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct SearchFieldProps {
    filter: Filter,
    change: Callback<Filter>,
}

/// Search field. Searches while typing; Enter turns a matcher into a chip.
#[component]
fn SearchField(props: &SearchFieldProps) -> Html {
    let words = use_words();
    let text = use_state(|| props.filter.q.clone());
    let timer = use_mut_ref(|| None::<Timeout>);
    {
        // The query changed elsewhere, or by browser history. Text typed since is kept
        // while its search is pending.
        let (text, timer) = (text.clone(), timer.clone());
        use_effect_with(props.filter.q.clone(), move |q| {
            if timer.borrow().is_none() && text.trim() != q {
                text.set(q.clone());
            }
        });
    }
    let oninput = {
        let (text, timer) = (text.clone(), timer.clone());
        let (filter, change) = (props.filter.clone(), props.change.clone());
        move |event: InputEvent| {
            let typed = event.target_unchecked_into::<HtmlInputElement>().value();
            text.set(typed.clone());
            let (filter, change, done) = (filter.clone(), change.clone(), Rc::clone(&timer));
            *timer.borrow_mut() = (!looks_like_matcher(&typed)).then(|| {
                Timeout::new(DEBOUNCE_MS, move || {
                    done.borrow_mut().take();
                    let q = typed.trim().to_owned();
                    change.emit(Filter { q, ..filter });
                })
            });
        }
    };
    let onsubmit = {
        let (text, timer) = (text.clone(), timer.clone());
        let (filter, change) = (props.filter.clone(), props.change.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            timer.borrow_mut().take();
            let q = text.trim().to_owned();
            match filter.typed(&q) {
                Some(next) => {
                    text.set(filter.q.clone());
                    change.emit(next);
                }
                None => change.emit(Filter {
                    q,
                    ..filter.clone()
                }),
            }
        }
    };
    html! {
        <form class="search" role="search" {onsubmit}>
            { icon(IconName::Search) }
            <input id="search" type="search" class="input input-sm" value={(*text).clone()} {oninput}
                placeholder={words.list.search_hint} aria-label={words.list.search} aria-keyshortcuts="/"
                autocomplete="off" spellcheck="false" maxlength="200" />
        </form>
    }
}
