use yew::prelude::*;

use crate::{
    components::{IconName, icon},
    i18n::Words,
    query::{Filter, Range, Term, write_matcher},
    time,
};

/// Text of a filter chip.
pub fn term_text(term: &Term, words: &Words) -> String {
    match term {
        Term::Status(status) => {
            format!("{}: {}", words.list.status, (words.common.status)(*status))
        }
        Term::State(state) => format!("{}: {}", words.list.state, (words.common.state)(*state)),
        Term::Stale(stale) => format!("{}: {}", words.stats.stale, yes_no(*stale, words)),
        Term::Known(known) => format!("{}: {}", words.list.acknowledged, yes_no(*known, words)),
        Term::Is(field, value) => write_matcher(field.name(), "=", value),
        Term::Label(matcher) => matcher.clone(),
        Term::Words(text) => format!("“{text}”"),
        Term::Time(range) => range_text(*range, words),
    }
}

/// Text of a time range.
pub fn range_text(range: Range, words: &Words) -> String {
    match range {
        Range::All => words.list.any_time.to_owned(),
        Range::Last(preset) => (words.list.preset)(preset).to_owned(),
        Range::Between(from, to) => {
            let now = time::now();
            let text = |at: Option<_>| at.map_or("…".to_owned(), |at| time::local_short(at, now));
            format!("{} – {}", text(from), text(to))
        }
    }
}

fn yes_no(yes: bool, words: &Words) -> &'static str {
    if yes {
        words.common.yes
    } else {
        words.common.no
    }
}

/// Chips of the active filters, each with a remove button.
pub fn chips(words: &Words, filter: &Filter, change: &Callback<Filter>) -> Html {
    // The time range and the search have their own controls.
    let terms: Vec<Term> = filter
        .terms()
        .into_iter()
        .filter(|term| !matches!(term, Term::Time(_) | Term::Words(_)))
        .collect();
    if terms.is_empty() {
        return html! {};
    }
    let mut before = None;
    let list = terms.iter().map(|term| {
        // Values of the same field are alternatives.
        let group = match term {
            Term::Label(_) => None,
            term => Some(std::mem::discriminant(term)),
        };
        let field = match term {
            Term::Is(field, _) => Some(*field),
            _ => None,
        };
        let alternative = group.is_some() && before == Some((group, field));
        before = Some((group, field));
        let text = term_text(term, words);
        let label = (words.list.remove)(&text);
        let onclick = {
            let (change, next) = (change.clone(), filter.without(term));
            move |_| change.emit(next.clone())
        };
        html! {
            <>
                if alternative {
                    <span class="chip-or">{ words.list.or }</span>
                }
                <span class="chip">
                    <span class="chip-text" title={text.clone()}>{ &text }</span>
                    <button type="button" class="chip-x" aria-label={label} {onclick}>{ icon(IconName::Close) }</button>
                </span>
            </>
        }
    });
    let clear = {
        let (change, next) = (change.clone(), filter.cleared());
        move |_| change.emit(next.clone())
    };
    html! {
        <div class="chips" role="group" aria-label={words.list.filters}>
            { for list }
            <button type="button" class="link-btn" onclick={clear}>{ words.list.clear }</button>
        </div>
    }
}
