use yew::prelude::*;

use super::{Icon, IconName};
use crate::{api::ApiError, i18n::use_words};

#[derive(Properties, PartialEq)]
pub struct FailureProps {
    pub error: ApiError,
    /// What to do again; without it no button is shown.
    #[prop_or_default]
    pub again: Option<Callback<()>>,
    #[prop_or_default]
    pub children: Html,
}

/// What went wrong, where it went wrong, with a way to try again.
#[component]
pub fn Failure(props: &FailureProps) -> Html {
    let words = use_words();
    html! {
        <div class="failure" role="alert">
            <Icon name={IconName::Alert} />
            <div class="grow min-w-0">
                <p>{ props.error.explain(words) }</p>
                { for props.error.errors().iter().map(|error| html! {
                    <p class="text-sm"><code>{ error.field.clone() }</code>{ " " }{ error.message.clone() }</p>
                }) }
                { props.children.clone() }
            </div>
            if let Some(again) = &props.again {
                <button type="button" class="btn btn-sm" onclick={again.reform(|_| ())}>
                    <Icon name={IconName::Refresh} />{ words.common.try_again }
                </button>
            }
        </div>
    }
}
