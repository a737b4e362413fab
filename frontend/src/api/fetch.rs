use std::rc::Rc;

use serde::de::DeserializeOwned;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::{ApiError, get_text, read};
use crate::state::Abort;

/// Data fetched from the API, with a way to fetch it again.
pub struct Fetched<T: 'static> {
    /// The last successful result; kept while a newer one loads.
    pub data: Option<Rc<T>>,
    /// Error of the last fetch.
    pub error: Option<ApiError>,
    /// Fetches again.
    pub reload: Callback<()>,
}

struct State<T> {
    data: Option<Rc<T>>,
    error: Option<ApiError>,
    round: u32,
}

enum Step<T> {
    Again,
    Done(Result<T, ApiError>),
}

impl<T> Reducible for State<T> {
    type Action = Step<T>;

    fn reduce(self: Rc<Self>, step: Step<T>) -> Rc<Self> {
        let (data, error, round) = (self.data.clone(), self.error.clone(), self.round);
        Rc::new(match step {
            Step::Again => Self {
                data,
                error,
                round: round.wrapping_add(1),
            },
            Step::Done(Ok(data)) => Self {
                data: Some(Rc::new(data)),
                error: None,
                round,
            },
            Step::Done(Err(error)) => Self {
                data,
                error: Some(error),
                round,
            },
        })
    }
}

/// Fetches `path` and passes the response on unless aborted. Not generic, so that the
/// download contains it once.
fn fetch(path: &str, guard: Abort, take: Box<dyn FnOnce(Result<String, ApiError>)>) {
    let response = get_text(path, guard.signal().as_ref());
    spawn_local(async move {
        let response = response.await;
        if guard.wanted() {
            take(response.map(|response| response.body));
        }
    });
}

/// Fetches `path` on mount, when it changes, and on `reload`. A response overtaken by a
/// later request is dropped.
#[hook]
pub fn use_fetch<T: DeserializeOwned + 'static>(path: String) -> Fetched<T> {
    let state = use_reducer(|| State::<T> {
        data: None,
        error: None,
        round: 0,
    });
    let dispatch = state.dispatcher();
    {
        let dispatch = dispatch.clone();
        use_effect_with((path, state.round), move |(path, _)| {
            let path = path.clone();
            let abort = Abort::new();
            let guard = abort.clone();
            let take = Box::new(move |text: Result<String, ApiError>| {
                dispatch.dispatch(Step::Done(text.and_then(|text| read(&text))));
            });
            fetch(&path, guard, take);
            move || abort.abort()
        });
    }
    Fetched {
        data: state.data.clone(),
        error: state.error.clone(),
        reload: use_callback((), move |(), ()| dispatch.dispatch(Step::Again)),
    }
}
