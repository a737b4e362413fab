//! Who is mailed: recipients, groups, routes, and the mails themselves.

mod group_form;
mod groups;
mod mail_row;
mod mails;
mod people;
mod recipient_form;
mod route_form;
mod routes;
mod submit;

use tocsin_api_types::{Group, MailMode, Page, Recipient, Route as MailRoute};
use yew::prelude::*;
use yew_router::hooks::use_location;

use crate::{
    api::use_fetch,
    components::{Icon, IconName, RouteLink},
    i18n::use_words,
    query::pairs,
    route::Route,
    state::use_status,
};
use groups::Groups;
use mails::Mails;
use people::People;
use routes::Routes;

/// The part that is shown; the address bar says which.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Recipients,
    Groups,
    Routes,
    Mails,
}

impl Part {
    const ALL: [Self; 4] = [Self::Recipients, Self::Groups, Self::Routes, Self::Mails];

    fn code(self) -> &'static str {
        match self {
            Self::Recipients => "recipients",
            Self::Groups => "groups",
            Self::Routes => "routes",
            Self::Mails => "mails",
        }
    }
}

/// The page.
#[component]
pub fn RecipientsPage() -> Html {
    let words = use_words();
    let query = use_location()
        .map(|l| l.query_str().to_owned())
        .unwrap_or_default();
    let show = pairs(&query)
        .into_iter()
        .find(|(name, _)| name == "show")
        .map(|(_, show)| show);
    let part = Part::ALL
        .into_iter()
        .find(|part| Some(part.code()) == show.as_deref());
    let part = part.unwrap_or(Part::Recipients);
    let name = |part| match part {
        Part::Recipients => words.people.recipients,
        Part::Groups => words.people.groups,
        Part::Routes => words.people.routes,
        Part::Mails => words.people.mails,
    };
    html! {
        <div class="people">
            <MailHint />
            <nav class="parts" aria-label={words.people.sections}>
                { for Part::ALL.into_iter().map(|other| html! {
                    <RouteLink class="part" to={Route::Recipients} query={format!("show={}", other.code())} current={other == part}>
                        { name(other) }
                    </RouteLink>
                }) }
            </nav>
            if part == Part::Mails {
                <Mails />
            } else {
                <Directory {part} />
            }
        </div>
    }
}

/// Where mail goes, where that is nowhere.
#[component]
fn MailHint() -> Html {
    let words = use_words();
    let Some(status) = use_status() else {
        return html! {};
    };
    html! {
        if status.mail.mode == MailMode::File {
            <p class="quiet-hint"><Icon name={IconName::Info} />{ words.people.mail_file }</p>
        } else if status.mail.queued > 0 {
            <p class="quiet-hint"><Icon name={IconName::Clock} />{ (words.people.mail_queued)(status.mail.queued) }</p>
        }
    }
}

#[derive(Properties, PartialEq)]
struct DirectoryProps {
    part: Part,
}

/// The three lists that name each other: read together, so that a change of one
/// shows in the others.
#[component]
fn Directory(props: &DirectoryProps) -> Html {
    let recipients = use_fetch::<Page<Recipient>>("recipients?limit=500".to_owned());
    let groups = use_fetch::<Page<Group>>("groups?limit=500".to_owned());
    let routes = use_fetch::<Page<MailRoute>>("routes?limit=500".to_owned());
    let reload = {
        let all = [
            recipients.reload.clone(),
            groups.reload.clone(),
            routes.reload.clone(),
        ];
        use_callback((), move |(), ()| {
            all.iter().for_each(|reload| reload.emit(()))
        })
    };
    match props.part {
        Part::Groups => html! {
            <Groups groups={groups.data} recipients={recipients.data} error={groups.error.or(recipients.error)} {reload} />
        },
        Part::Routes => html! {
            <Routes routes={routes.data} groups={groups.data} error={routes.error.or(groups.error)} {reload} />
        },
        _ => html! {
            <People recipients={recipients.data} groups={groups.data} error={recipients.error.or(groups.error)} {reload} />
        },
    }
}
