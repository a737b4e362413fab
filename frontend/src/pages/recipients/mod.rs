//! Who is mailed.
use yew::prelude::*;
/// The page.
#[component]
pub fn RecipientsPage() -> Html {
    html! {}
}
