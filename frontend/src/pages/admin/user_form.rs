use tocsin_api_types::{Role, User, UserInput};
use yew::prelude::*;

use crate::{
    components::{Dialog, Matchers, PasswordField, TextField, check_field, non_empty_lines},
    forms::{ConflictView, Edited, body, use_submit},
    i18n::{Words, use_words},
};

#[derive(Properties, PartialEq)]
pub struct UserFormProps {
    /// The user to edit; `None` for a new one.
    #[prop_or_default]
    pub user: Option<(User, Edited)>,
    pub done: Callback<()>,
    pub close: Callback<()>,
}

fn input_of(user: Option<&User>) -> UserInput {
    UserInput {
        name: user.map(|user| user.name.clone()).unwrap_or_default(),
        email: user.map(|user| user.email.clone()).unwrap_or_default(),
        role: user.map_or(Role::Viewer, |user| user.role),
        matchers: user.map(|user| user.matchers.clone()).unwrap_or_default(),
        enabled: Some(user.is_none_or(|user| user.enabled)),
        password: None,
    }
}

#[component]
pub fn UserForm(props: &UserFormProps) -> Html {
    let words = use_words();
    let input = use_state(|| input_of(props.user.as_ref().map(|(user, _)| user)));
    let base = use_state(|| body(&*input));
    let tried = use_state_eq(|| false);
    let edited = props.user.as_ref().map(|(_, edited)| edited.clone());
    let new = edited.is_none();
    let submit = use_submit("users", edited, props.done.reform(|_| ()));
    let load = {
        let (input, base) = (input.clone(), base.clone());
        Callback::from(move |object| {
            if let Ok(theirs) = serde_json::from_value(object) {
                let theirs = input_of(Some(&theirs));
                base.set(body(&theirs));
                input.set(theirs);
            }
        })
    };
    let text = |change: fn(&mut UserInput, String)| {
        let input = input.clone();
        Callback::from(move |text: String| {
            let mut next = (*input).clone();
            change(&mut next, text);
            input.set(next);
        })
    };
    let matchers = {
        let input = input.clone();
        Callback::from(move |matchers| {
            input.set(UserInput {
                matchers,
                ..(*input).clone()
            });
        })
    };
    let enabled = {
        let input = input.clone();
        Callback::from(move |yes| {
            input.set(UserInput {
                enabled: Some(yes),
                ..(*input).clone()
            });
        })
    };
    let role = {
        let input = input.clone();
        Callback::from(move |role| {
            input.set(UserInput {
                role,
                ..(*input).clone()
            });
        })
    };
    let sent = |input: &UserInput| UserInput {
        name: input.name.trim().to_owned(),
        email: input.email.trim().to_owned(),
        matchers: match input.role {
            Role::Admin => Vec::new(),
            _ => non_empty_lines(&input.matchers),
        },
        password: input.password.clone().filter(|text| !text.is_empty()),
        ..input.clone()
    };
    let onsubmit = {
        let (input, send, tried) = (input.clone(), submit.send.clone(), tried.setter());
        let next = sent(&input);
        move |event: SubmitEvent| {
            event.prevent_default();
            tried.set(true);
            input.set(next.clone());
            send.emit(body(&next));
        }
    };
    let title = match &props.user {
        Some((user, _)) => (words.recipients.edit_named)(&user.name),
        None => words.admin.add_user.to_owned(),
    };
    let (password_label, password_hint) = if new {
        (words.admin.password_new, words.admin.password_new_hint)
    } else {
        (words.admin.password_other, words.admin.password_other_hint)
    };
    html! {
        <Dialog {title} close={props.close.clone()} keep={true}>
            <form class="form" {onsubmit} novalidate={true}>
                { TextField {
                    id: "user-name".into(),
                    label: words.account.name.into(),
                    value: input.name.clone().into(),
                    autofocus: true,
                    change: text(|input, text| input.name = text),
                    error: submit.field("name"),
                    ..TextField::default()
                }.draw() }
                { TextField {
                    id: "user-email".into(),
                    label: words.account.email.into(),
                    value: input.email.clone().into(),
                    kind: "email",
                    maxlength: 254,
                    change: text(|input, text| input.email = text),
                    error: submit.field("email"),
                    ..TextField::default()
                }.draw() }
                { roles(words, input.role, &role) }
                if let Some(error) = submit.field("role") {
                    <p class="field-error">{ error }</p>
                }
                if input.role == Role::Admin {
                    <p class="field-hint">{ words.admin.admin_sees_all }</p>
                } else {
                    { Matchers {
                        label: words.admin.visible_alerts,
                        hint: words.admin.visible_alerts_hint,
                        lines: &input.matchers,
                        change: matchers,
                        tried: *tried,
                        wrong: &|field| submit.field(field),
                    }.draw(words) }
                }
                <PasswordField id="user-password" label={password_label} hint={password_hint} new={true}
                    value={input.password.clone().unwrap_or_default()} change={text(|input, text| input.password = Some(text))}
                    error={submit.field("password")} />
                { check_field(words.admin.can_sign_in, words.admin.can_sign_in_hint, input.enabled.unwrap_or(true), enabled) }
                { ConflictView {
                    base: (*base).clone(),
                    mine: body(&sent(&input)),
                    theirs: &|object| serde_json::from_value(object.clone()).ok().map(|theirs| body(&input_of(Some(&theirs)))),
                    labels: &[
                        ("name", words.account.name), ("email", words.account.email), ("role", words.admin.role),
                        ("matchers", words.admin.visible_alerts), ("enabled", words.admin.can_sign_in),
                    ],
                    names: &[],
                    load,
                }.draw(words, &submit) }
                { submit.end(words, &props.close) }
            </form>
        </Dialog>
    }
}

/// The roles with their explanations.
fn roles(words: &Words, chosen: Role, change: &Callback<Role>) -> Html {
    let items = [Role::Viewer, Role::Responder, Role::Admin].map(|role| {
        html! {
            <label class="radio-line">
                <input type="radio" name="role" class="radio-dot" checked={role == chosen}
                    onchange={change.reform(move |_: Event| role)} />
                <span>
                    { (words.account.role)(role) }
                    <span class="field-hint block">{ (words.admin.role_why)(role) }</span>
                </span>
            </label>
        }
    });
    html! { <fieldset class="field"><legend>{ words.admin.role }</legend>{ for items }</fieldset> }
}
