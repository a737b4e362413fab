use tocsin_api_types::Labels;
use yew::prelude::*;

use crate::{
    components::{IconName, icon},
    i18n::Words,
    list::Value,
};

/// The text if it is an HTTP URL. Anything else, such as `javascript:`, is shown as
/// text.
fn web_url(text: &str) -> Option<&str> {
    let text = text.trim();
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let safe = lower.starts_with("http://") || lower.starts_with("https://");
    (safe && !text.contains(char::is_whitespace)).then_some(text)
}

/// A link from alert data: HTTP only, without referrer. `text` is the link text; empty
/// shows the URL.
pub fn safe_link(to: &str, text: &str) -> Html {
    match web_url(to) {
        Some(url) => {
            let text = if text.is_empty() { to } else { text };
            html! {
                <a class="link" href={url.to_owned()} target="_blank" rel="noopener noreferrer">
                    { text }{ icon(IconName::External) }
                </a>
            }
        }
        None => html! { { to } },
    }
}

/// A table of labels or annotations. With `filter`, values filter the list; otherwise
/// URLs are links.
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
    use super::web_url;

    #[test]
    fn only_http_urls_are_links() {
        for good in ["http://a", "https://a/b?c#d", " HTTPS://A "] {
            assert_eq!(web_url(good), Some(good.trim()));
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
            assert_eq!(web_url(bad), None, "{bad}");
        }
    }
}
