use chrono::TimeDelta;
use tocsin_api_types::{NewToken, Scope, TokenInput};
use yew::prelude::*;

use crate::{
    components::{
        Dialog, IconName, Matchers, TextField, code_box, icon, non_empty_lines, select_field,
    },
    forms::{body, use_submit},
    i18n::{Words, use_words},
    pages::empty::snippet,
    state::use_status,
    time,
};

/// Lifetimes of a new token in days; 0 means no expiry.
const EXPIRY: [i64; 5] = [30, 90, 180, 365, 0];

/// Default lifetime. Ingest tokens do not expire by default: an expired one would
/// silently stop alerts, so expiry has to be chosen.
fn usual_days(scope: Scope) -> i64 {
    match scope {
        Scope::Ingest => 0,
        Scope::Read | Scope::Respond | Scope::Admin => 365,
    }
}

const SCOPES: [Scope; 4] = [Scope::Ingest, Scope::Read, Scope::Respond, Scope::Admin];

#[derive(Properties, PartialEq)]
pub struct TokenFormProps {
    pub done: Callback<()>,
    pub close: Callback<()>,
}

#[derive(Clone, PartialEq)]
struct Draft {
    name: String,
    scope: Scope,
    source: String,
    matchers: Vec<String>,
    days: i64,
}

impl Draft {
    fn to_input(&self) -> TokenInput {
        let source = self.source.trim();
        let ingest = self.scope == Scope::Ingest;
        TokenInput {
            name: self.name.trim().to_owned(),
            scopes: Some(vec![self.scope]),
            role: None,
            source: (ingest && !source.is_empty()).then(|| source.to_owned()),
            matchers: match self.scope {
                Scope::Read | Scope::Respond => self.matchers.clone(),
                Scope::Ingest | Scope::Admin => Vec::new(),
            },
            expires_at: (self.days > 0).then(|| time::now() + TimeDelta::days(self.days)),
        }
    }
}

/// Form that creates a token and shows its secret once.
#[component]
pub fn TokenForm(props: &TokenFormProps) -> Html {
    let words = use_words();
    let status = use_status();
    let draft = use_state(|| Draft {
        name: String::new(),
        scope: Scope::Ingest,
        source: String::new(),
        matchers: Vec::new(),
        days: usual_days(Scope::Ingest),
    });
    let tried = use_state_eq(|| false);
    let created = use_state(|| None::<NewToken>);
    let on_created = {
        let created = created.setter();
        Callback::from(move |response: String| created.set(crate::api::read(&response).ok()))
    };
    let submit = use_submit("tokens", None, on_created);
    if let Some(created) = &*created {
        let url = status.map(|status| status.webhook_url.clone());
        return html! {
            <Dialog title={words.admin.created_title} close={props.done.clone()} fixed={true} class="wide">
                { secret(words, created, url.as_deref(), &props.done) }
            </Dialog>
        };
    }
    let set = |change: fn(&mut Draft, String)| {
        let draft = draft.clone();
        Callback::from(move |text: String| {
            let mut next = (*draft).clone();
            change(&mut next, text);
            draft.set(next);
        })
    };
    let scope = {
        let draft = draft.clone();
        Callback::from(move |scope| {
            let chose_days = draft.days != usual_days(draft.scope);
            draft.set(Draft {
                scope,
                days: if chose_days {
                    draft.days
                } else {
                    usual_days(scope)
                },
                ..(*draft).clone()
            });
        })
    };
    let matchers = {
        let draft = draft.clone();
        Callback::from(move |matchers| {
            draft.set(Draft {
                matchers,
                ..(*draft).clone()
            });
        })
    };
    let onsubmit = {
        let (draft, send, tried) = (draft.clone(), submit.send.clone(), tried.setter());
        // Retries with the same idempotency key send the same body: the expiry does not
        // move with the clock.
        let input = use_memo((*draft).clone(), |draft| {
            Draft {
                matchers: non_empty_lines(&draft.matchers),
                ..draft.clone()
            }
            .to_input()
        });
        move |event: SubmitEvent| {
            event.prevent_default();
            tried.set(true);
            draft.set(Draft {
                matchers: non_empty_lines(&draft.matchers),
                ..(*draft).clone()
            });
            send.emit(body(&*input));
        }
    };
    let expiry: Vec<(String, String)> = EXPIRY
        .iter()
        .map(|days| (days.to_string(), (words.admin.expiry)(*days)))
        .collect();
    let expiry: Vec<(&str, &str)> = expiry
        .iter()
        .map(|(code, text)| (code.as_str(), text.as_str()))
        .collect();
    html! {
        <Dialog title={words.admin.add_token} close={props.close.clone()} keep={true}>
            <form class="form" {onsubmit} novalidate={true}>
                { TextField {
                    id: "token-name".into(),
                    label: words.recipients.name.into(),
                    hint: words.admin.token_name_hint.into(),
                    value: draft.name.clone().into(),
                    autofocus: true,
                    change: set(|draft, text| draft.name = text),
                    error: submit.field("name"),
                    ..TextField::default()
                }.draw() }
                { scopes(words, draft.scope, &scope, submit.field("scopes")) }
                if draft.scope == Scope::Ingest {
                    { TextField {
                        id: "token-source".into(),
                        label: words.admin.source.into(),
                        hint: words.admin.source_hint.into(),
                        value: draft.source.clone().into(),
                        change: set(|draft, text| draft.source = text),
                        error: submit.field("source"),
                        ..TextField::default()
                    }.draw() }
                } else if draft.scope != Scope::Admin {
                    { Matchers {
                        label: words.admin.visible_alerts,
                        hint: words.admin.visible_alerts_hint,
                        lines: &draft.matchers,
                        change: matchers,
                        tried: *tried,
                        wrong: &|field| submit.field(field),
                    }.draw(words) }
                }
                { select_field(
                    "token-expiry",
                    words.admin.expires,
                    &expiry,
                    &draft.days.to_string(),
                    set(|draft, days| draft.days = days.parse().unwrap_or_default()),
                ) }
                if let Some(error) = submit.field("expiresAt") {
                    <p class="field-error">{ error }</p>
                }
                { submit.end(words, &props.close) }
            </form>
        </Dialog>
    }
}

/// The scopes with their explanations.
fn scopes(words: &Words, chosen: Scope, change: &Callback<Scope>, error: Option<String>) -> Html {
    let items = SCOPES.map(|scope| {
        html! {
            <label class="radio-line">
                <input type="radio" name="scope" class="radio-dot" checked={scope == chosen}
                    onchange={change.reform(move |_: Event| scope)} />
                <span>
                    { (words.admin.scope)(scope) }
                    <span class="field-hint block">{ (words.admin.scope_why)(scope) }</span>
                </span>
            </label>
        }
    });
    html! {
        <fieldset class="field"><legend>{ words.admin.scopes }</legend>{ for items }
            if let Some(error) = error {
                <p class="field-error">{ error }</p>
            }
        </fieldset>
    }
}

/// Shows the secret. It is not shown again.
fn secret(words: &Words, created: &NewToken, url: Option<&str>, done: &Callback<()>) -> Html {
    let Some(secret) = &created.secret else {
        return html! {
            <div class="form">
                <p class="notice is-failed" role="alert">{ icon(IconName::Alert) }<span>{ words.admin.secret_lost }</span></p>
                <div class="form-actions">
                    <button type="button" class="btn btn-primary" onclick={done.reform(|_| ())}>{ words.admin.done }</button>
                </div>
            </div>
        };
    };
    let ingest = created.token.scopes.contains(&Scope::Ingest);
    html! {
        <div class="form">
            <p class="notice" role="status">{ icon(IconName::Key) }<span>{ words.admin.copy_secret_now }</span></p>
            { code_box(words.admin.secret, secret.clone()) }
            if let Some(url) = url.filter(|_| ingest) {
                { code_box(words.empty.snippet, snippet(url, Some(secret))) }
            }
            <div class="form-actions">
                <button type="button" class="btn btn-primary" onclick={done.reform(|_| ())}>{ words.admin.done }</button>
            </div>
        </div>
    }
}
