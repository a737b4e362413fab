use std::rc::Rc;

use gloo_timers::callback::Timeout;
use yew::prelude::*;

use crate::{
    components::{Icon, IconName},
    i18n::use_words,
};

/// How long a message stays, in milliseconds: long enough to press "undo".
const STAY: u32 = 10_000;

/// A button in a message.
#[derive(Clone, PartialEq)]
pub struct ToastAction {
    /// What it says.
    pub label: AttrValue,
    /// What it does; the message goes away.
    pub run: Callback<()>,
}

/// A short message that goes away by itself, unless it tells of a failure.
#[derive(Clone, PartialEq)]
pub struct Toast {
    /// What happened.
    pub text: AttrValue,
    /// It did not work.
    pub failed: bool,
    /// What can be done about it.
    pub action: Option<ToastAction>,
}

#[derive(Default, PartialEq)]
struct Shown {
    next: u32,
    list: Vec<(u32, Toast)>,
}

enum Step {
    Show(Toast),
    Hide(u32),
}

impl Reducible for Shown {
    type Action = Step;

    fn reduce(self: Rc<Self>, step: Step) -> Rc<Self> {
        let (mut next, mut list) = (self.next, self.list.clone());
        match step {
            Step::Show(toast) => {
                // Three at most: the newest is what people look for.
                if list.len() >= 3 {
                    list.remove(0);
                }
                list.push((next, toast));
                next += 1;
            }
            Step::Hide(id) => list.retain(|(other, _)| *other != id),
        }
        Rc::new(Self { next, list })
    }
}

/// Shows messages.
#[derive(Clone, PartialEq)]
pub struct Toasts(Callback<Toast>);

impl Toasts {
    /// Shows a message.
    pub fn show(&self, toast: Toast) {
        self.0.emit(toast);
    }

    /// Shows a plain message.
    pub fn say(&self, text: impl Into<AttrValue>) {
        self.show(Toast {
            text: text.into(),
            failed: false,
            action: None,
        });
    }

    /// Shows that something went wrong.
    pub fn fail(&self, text: impl Into<AttrValue>) {
        self.show(Toast {
            text: text.into(),
            failed: true,
            action: None,
        });
    }
}

/// Holds the messages for everything below, and shows them in a corner.
#[component]
pub fn ToastsProvider(props: &yew::html::ChildrenProps) -> Html {
    let shown = use_reducer(Shown::default);
    let dispatch = shown.dispatcher();
    let toasts = use_memo((), {
        let dispatch = dispatch.clone();
        |()| {
            Toasts(Callback::from(move |toast| {
                dispatch.dispatch(Step::Show(toast))
            }))
        }
    });
    let words = use_words();
    html! {
        <ContextProvider<Toasts> context={(*toasts).clone()}>
            { props.children.clone() }
            <section class="toasts" aria-label={words.shell.notifications} aria-live="polite">
                { for shown.list.iter().map(|(id, toast)| {
                    let (id, dispatch) = (*id, dispatch.clone());
                    let hide = Callback::from(move |()| dispatch.dispatch(Step::Hide(id)));
                    html! { <ToastView key={id} toast={toast.clone()} {hide} /> }
                }) }
            </section>
        </ContextProvider<Toasts>>
    }
}

/// The way to show messages.
#[hook]
pub fn use_toasts() -> Toasts {
    use_context::<Toasts>().unwrap_or(Toasts(Callback::noop()))
}

#[derive(Properties, PartialEq)]
struct ToastViewProps {
    toast: Toast,
    hide: Callback<()>,
}

#[component]
fn ToastView(props: &ToastViewProps) -> Html {
    let words = use_words();
    let ToastViewProps { toast, hide } = props;
    {
        let hide = hide.clone();
        use_effect_with(toast.failed, move |failed| {
            let timeout = (!failed).then(|| Timeout::new(STAY, move || hide.emit(())));
            move || drop(timeout)
        });
    }
    let action = toast.action.clone().map(|action| {
        let hide = hide.clone();
        let onclick = move |_| {
            action.run.emit(());
            hide.emit(());
        };
        html! { <button type="button" class="btn btn-sm toast-action" {onclick}>{ action.label }</button> }
    });
    html! {
        <div class={classes!("toast-box", toast.failed.then_some("is-failed"))}>
            <Icon name={if toast.failed { IconName::Alert } else { IconName::Check }} />
            <span class="grow">{ toast.text.clone() }</span>
            { action }
            <button type="button" class="icon-btn" aria-label={words.common.dismiss} onclick={hide.reform(|_| ())}>
                <Icon name={IconName::Close} />
            </button>
        </div>
    }
}
