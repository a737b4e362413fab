use yew::prelude::*;

use super::{IconName, icon};
use crate::{api::ApiError, i18n::Words};

/// An error message with a retry button.
pub fn failure(words: &Words, error: &ApiError, again: Option<Callback<()>>) -> Html {
    html! {
        <div class="failure" role="alert">
            { icon(IconName::Alert) }
            <div class="grow min-w-0">
                <p>{ error.explain(words) }</p>
                { for error.errors().iter().map(|error| html! {
                    <p class="text-sm"><code>{ error.field.clone() }</code>{ " " }{ error.message.clone() }</p>
                }) }
            </div>
            if let Some(again) = again {
                <button type="button" class="btn btn-sm" onclick={again.reform(|_| ())}>
                    { icon(IconName::Refresh) }{ words.common.try_again }
                </button>
            }
        </div>
    }
}
