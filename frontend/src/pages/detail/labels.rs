use tocsin_api_types::Labels;
use yew::prelude::*;

use crate::{
    components::{Icon, IconName},
    i18n::use_words,
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

#[derive(Properties, PartialEq)]
pub struct SafeLinkProps {
    /// Where it leads, as somebody else wrote it.
    pub to: AttrValue,
    /// What it says; the address itself by default.
    #[prop_or_default]
    pub text: AttrValue,
}

/// A link that somebody else wrote: only to pages, and telling them nothing of
/// this one.
#[component]
pub fn SafeLink(props: &SafeLinkProps) -> Html {
    match web_address(&props.to) {
        Some(address) => {
            let text = if props.text.is_empty() {
                &props.to
            } else {
                &props.text
            };
            html! {
                <a class="link" href={address.to_owned()} target="_blank" rel="noopener noreferrer">
                    { text.clone() }<Icon name={IconName::External} />
                </a>
            }
        }
        None => html! { { props.to.clone() } },
    }
}

#[derive(Properties, PartialEq)]
pub struct LabelTableProps {
    pub labels: Labels,
    /// Each value filters the list; otherwise values are text and links.
    #[prop_or_default]
    pub filter: bool,
}

/// Names and values, whole.
#[component]
pub fn LabelTable(props: &LabelTableProps) -> Html {
    let words = use_words();
    if props.labels.is_empty() {
        return html! { <p class="muted">{ words.detail.nothing }</p> };
    }
    let rows = props.labels.iter().map(|(name, value)| {
        let shown = if props.filter {
            html! { <Value name={name.clone()} value={value.clone()} /> }
        } else {
            html! { <SafeLink to={value.clone()} /> }
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
