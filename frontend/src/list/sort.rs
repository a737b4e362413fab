use web_sys::HtmlSelectElement;
use yew::prelude::*;

use crate::{
    components::{IconName, icon},
    i18n::Words,
    query::{Filter, Sort},
};

/// Sort field and direction of the incidents.
pub fn sort_by(words: &Words, filter: &Filter, change: &Callback<Filter>) -> Html {
    let onchange = {
        let (filter, change) = (filter.clone(), change.clone());
        move |event: Event| {
            let code = event.target_unchecked_into::<HtmlSelectElement>().value();
            let sort = Sort::ALL.into_iter().find(|sort| sort.code() == code);
            change.emit(Filter {
                sort: sort.unwrap_or_default(),
                ..filter.clone()
            });
        }
    };
    let turn = {
        let (filter, change) = (filter.clone(), change.clone());
        move |_| {
            change.emit(Filter {
                ascending: !filter.ascending,
                ..filter.clone()
            });
        }
    };
    let (picture, label) = if filter.ascending {
        (IconName::Up, words.list.ascending)
    } else {
        (IconName::Down, words.list.descending)
    };
    html! {
        <div class="sort">
            <select class="select select-sm" aria-label={words.list.sort} {onchange}>
                { for Sort::ALL.into_iter().map(|sort| html! {
                    <option value={sort.code()} selected={sort == filter.sort}>{ (words.list.sort_by)(sort) }</option>
                }) }
            </select>
            <button type="button" class="icon-btn" aria-label={label} title={label} onclick={turn}>{ icon(picture) }</button>
        </div>
    }
}
