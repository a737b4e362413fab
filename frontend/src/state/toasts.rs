use std::rc::Rc;

use gloo_timers::callback::Timeout;
use yew::prelude::*;

use crate::{
    components::{IconName, icon},
    i18n::Words,
};

/// How long a message is shown, in milliseconds: long enough to click “Undo”.
const DISPLAY_MS: u32 = 10_000;

/// A button in a message.
#[derive(Clone, PartialEq)]
pub struct ToastAction {
    pub label: AttrValue,
    /// Runs on click; the message is closed.
    pub run: Callback<()>,
}

/// A short message. It disappears after ten seconds unless it reports a failure.
#[derive(Clone, PartialEq)]
pub struct Toast {
    pub text: AttrValue,
    pub failed: bool,
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
                // Three at most; the newest matters.
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

#[derive(Clone, PartialEq)]
pub struct Toasts(Callback<Toast>);

impl Default for Toasts {
    /// Discards messages, for use outside the shared context.
    fn default() -> Self {
        Self(Callback::noop())
    }
}

impl Toasts {
    pub fn show(&self, toast: Toast) {
        self.0.emit(toast);
    }

    /// Shows a message without a button.
    pub fn info(&self, text: impl Into<AttrValue>) {
        self.show(Toast {
            text: text.into(),
            failed: false,
            action: None,
        });
    }

    /// Shows a failure.
    pub fn error(&self, text: impl Into<AttrValue>) {
        self.show(Toast {
            text: text.into(),
            failed: true,
            action: None,
        });
    }
}

/// The toasts handle, and the rendered messages.
#[hook]
pub(super) fn use_new_toasts(words: &Words) -> (Toasts, Html) {
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
    // Each new message gets a timer that closes it.
    {
        let dispatch = dispatch.clone();
        let newest = shown.list.last().map(|(id, toast)| (*id, toast.failed));
        use_effect_with(newest, move |newest| {
            if let Some((id, false)) = *newest {
                Timeout::new(DISPLAY_MS, move || dispatch.dispatch(Step::Hide(id))).forget();
            }
        });
    }
    let view = html! {
        <section class="toasts" aria-label={words.shell.messages} aria-live="polite">
            { for shown.list.iter().map(|(id, toast)| {
                let (id, dispatch) = (*id, dispatch.clone());
                draw(words, id, toast, Callback::from(move |()| dispatch.dispatch(Step::Hide(id))))
            }) }
        </section>
    };
    ((*toasts).clone(), view)
}

fn draw(words: &Words, id: u32, toast: &Toast, hide: Callback<()>) -> Html {
    let action = toast.action.clone().map(|action| {
        let hide = hide.clone();
        let onclick = move |_| {
            action.run.emit(());
            hide.emit(());
        };
        html! { <button type="button" class="btn btn-sm toast-action" {onclick}>{ action.label }</button> }
    });
    html! {
        <div key={id} class={classes!("toast-box", toast.failed.then_some("is-failed"))}>
            { icon(if toast.failed { IconName::Alert } else { IconName::Check }) }
            <span class="grow">{ toast.text.clone() }</span>
            { action }
            <button type="button" class="icon-btn" aria-label={words.common.dismiss} onclick={hide.reform(|_| ())}>
                { icon(IconName::Close) }
            </button>
        </div>
    }
}
