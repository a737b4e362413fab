use tocsin_api_types::Labels;
use yew::prelude::*;

use crate::{
    components::{IconName, icon},
    i18n::Words,
    list::Value,
};

/// The address, where it leads to a page. Anything else, such as
/// `javascript:`, is shown as the text that it is.
fn web_address(text: &str) -> Option<&str> {
    let text = text.trim();
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let safe = lower.starts_with("http://") || lower.starts_with("https://");
    (safe && !text.contains(char::is_whitespace)).then_some(text)
}

/// A link that somebody else wrote: only to pages, and telling them nothing of
/// this one. `text` is what it says, or empty for the address itself.
pub fn safe_link(to: &str, text: &str) -> Html {
    match web_address(to) {
        Some(address) => {
            let text = if text.is_empty() { to } else { text };
            html! {
                <a class="link" href={address.to_owned()} target="_blank" rel="noopener noreferrer">
                    { text }{ icon(IconName::External) }
                </a>
            }
        }
        None => html! { { to } },
    }
}

/// Names and values, whole. Each value filters the list, or is text and links.
pub fn label_table(words: &Words, labels: &Labels, filter: bool) -> Html {
    if labels.is_empty() {
        return html! { <p class="muted">{ words.detail.nothing }</p> };
    }
    let rows = labels.iter().map(|(name, value)| {
        let shown = if filter {
            html! { <Value name={name.clone()} value={value.clone()} /> }
        } else {
            safe_link(value, "")
        };
        html! { <div key={name.clone()}><dt>{ name }</dt><dd>{ shown }</dd></div> }
    });
    html! { <dl class="labels">{ for rows }</dl> }
}

#[cfg(test)]
mod tests {
    use super::web_address;

    #[test]
    fn only_pages_are_links() {
        for good in ["http://a", "https://a/b?c#d", " HTTPS://A "] {
            assert_eq!(web_address(good), Some(good.trim()));
        }
        for bad in [
            "",
            "javascript:alert(1)",
            "data:text/html,x",
            "//host",
            "ftp://a",
            "http:/a",
            "https://a b",
            "java\nscript:x",
            "磁盘磁盘磁盘",
        ] {
            assert_eq!(web_address(bad), None, "{bad}");
        }
    }
}
