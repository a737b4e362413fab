use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct FactsProps {
    pub children: Html,
}

/// A few facts, each with its name.
#[component]
pub fn Facts(props: &FactsProps) -> Html {
    html! { <dl class="facts">{ props.children.clone() }</dl> }
}

#[derive(Properties, PartialEq)]
pub struct FactProps {
    pub name: AttrValue,
    pub children: Html,
}

/// One of them.
#[component]
pub fn Fact(props: &FactProps) -> Html {
    html! { <div><dt>{ props.name.clone() }</dt><dd>{ props.children.clone() }</dd></div> }
}
