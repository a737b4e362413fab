//! The recipients page: recipients, groups, routes and the notification log.

mod group_form;
mod groups;
mod notification_log;
mod notification_row;
mod recipient_form;
mod recipient_list;
mod route_form;
mod routes;
mod test_button;

use tocsin_api_types::{
    Group, MailMode, MailStatus, Page, Recipient, Role, Route as NotificationRoute,
};
use yew::prelude::*;
use yew_router::hooks::use_location;

use crate::{
    api::use_fetch,
    components::{IconName, RouteLink, icon},
    i18n::{Words, use_words},
    query::pairs,
    route::Route,
    state::{use_role, use_status},
};
use groups::Groups;
use notification_log::NotificationLog;
use recipient_list::RecipientList;
use routes::Routes;

/// A section of the page, from the `show` parameter.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Recipients,
    Groups,
    Routes,
    NotificationLog,
}

impl Part {
    const ALL: [Self; 4] = [
        Self::Recipients,
        Self::Groups,
        Self::Routes,
        Self::NotificationLog,
    ];

    fn code(self) -> &'static str {
        match self {
            Self::Recipients => "recipients",
            Self::Groups => "groups",
            Self::Routes => "routes",
            Self::NotificationLog => "mails",
        }
    }

    fn name(self, words: &Words) -> &'static str {
        match self {
            Self::Recipients => words.recipients.recipients,
            Self::Groups => words.recipients.groups,
            Self::Routes => words.recipients.routes,
            Self::NotificationLog => words.recipients.notification_log,
        }
    }
}

#[component]
pub fn RecipientsPage() -> Html {
    let words = use_words();
    let (status, role) = (use_status(), use_role());
    let query = use_location()
        .map(|l| l.query_str().to_owned())
        .unwrap_or_default();
    let show = pairs(&query).into_iter().find(|(name, _)| name == "show");
    let part = Part::ALL
        .into_iter()
        .find(|part| show.as_ref().is_some_and(|(_, show)| part.code() == show));
    let part = part.unwrap_or(Part::Recipients);
    let body = match part {
        Part::NotificationLog => html! { <NotificationLog /> },
        part => html! { <Directory {part} /> },
    };
    html! {
        <div class="people">
            if let Some(status) = &status {
                { mail_hint(words, &status.mail) }
            }
            if role != Role::Admin {
                <p class="quiet-hint">{ icon(IconName::Info) }{ words.recipients.admins_only }</p>
            }
            <nav class="parts" aria-label={words.recipients.sections}>
                { for Part::ALL.into_iter().map(|other| html! {
                    <RouteLink class="part" to={Route::Recipients} query={format!("show={}", other.code())} current={other == part}>
                        { other.name(words) }
                    </RouteLink>
                }) }
            </nav>
            { body }
        </div>
    }
}

/// Hint if no mail server is configured or notifications are waiting.
fn mail_hint(words: &Words, mail: &MailStatus) -> Html {
    let (picture, text) = match mail.mode {
        MailMode::File => (IconName::Info, words.recipients.no_mail_server.to_owned()),
        MailMode::Smtp if mail.queued > 0 => (
            IconName::Clock,
            (words.recipients.notifications_queued)(mail.queued),
        ),
        MailMode::Smtp => return html! {},
    };
    html! { <p class="quiet-hint">{ icon(picture) }{ text }</p> }
}

#[derive(Properties, PartialEq)]
struct DirectoryProps {
    part: Part,
}

/// Recipients, groups and routes. Loaded together, because a change of one shows in the
/// others.
#[component]
fn Directory(props: &DirectoryProps) -> Html {
    let recipients = use_fetch::<Page<Recipient>>("recipients?limit=500".to_owned());
    let groups = use_fetch::<Page<Group>>("groups?limit=500".to_owned());
    let routes = use_fetch::<Page<NotificationRoute>>("routes?limit=500".to_owned());
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
            <RecipientList recipients={recipients.data} groups={groups.data} error={recipients.error.or(groups.error)} {reload} />
        },
    }
}
