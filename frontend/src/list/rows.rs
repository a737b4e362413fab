use std::rc::Rc;

use gloo_timers::callback::{Interval, Timeout};
use tocsin_api_types::{ChangeEvent, Page};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::{
    ListItem,
    model::{Row, Shown},
    scroll,
};
use crate::{
    api::{self, ApiError},
    query::{Filter, push_pair},
    state::{Abort, Signal, use_prefs, use_signals},
    time,
};

/// Rows per page.
pub const PAGE_SIZE: usize = 50;
/// Delay before reloading after a change, in milliseconds, for each page that the last
/// load took.
const RELOAD_DELAY_MS: u32 = 250;
/// Most requests to fill one page: the server scans a limited number of rows for each
/// and may return none.
const MAX_PAGES: u32 = 40;

/// A filter and a page of its list.
#[derive(Clone, Debug, PartialEq)]
pub struct PageRequest {
    pub filter: Filter,
    /// Cursor of the page; `None` for the first.
    pub cursor: Option<String>,
}

impl PageRequest {
    fn query(&self) -> String {
        self.filter.to_api_query(time::now())
    }
}

/// API path of one page of a list.
fn path<T: ListItem>(query: &str, limit: usize, cursor: Option<&str>) -> String {
    let mut query = query.to_owned();
    push_pair(&mut query, "limit", &limit.to_string());
    if let Some(cursor) = cursor {
        push_pair(&mut query, "cursor", cursor);
    }
    format!("{}?{query}", T::PATH)
}

/// Reads a page and, if it is short, the following ones, until it is full, the list
/// ends or [`MAX_PAGES`] is reached. `on_partial` receives intermediate results.
async fn read_page<T: ListItem>(
    request: &PageRequest,
    guard: &Abort,
    on_partial: impl Fn(&Page<T>),
) -> Result<(Page<T>, u32), ApiError> {
    // Computed once, so that all pages use the same time range.
    let query = request.query();
    let mut url = path::<T>(&query, PAGE_SIZE, request.cursor.as_deref());
    let mut page: Page<T> = api::get(&url, guard.signal().as_ref()).await?;
    let mut pages_read = 1;
    while let Some(cursor) = page.next_cursor.clone() {
        let missing = PAGE_SIZE.saturating_sub(page.items.len());
        if missing == 0 || pages_read == MAX_PAGES || !guard.wanted() {
            break;
        }
        on_partial(&page);
        url = path::<T>(&query, missing, Some(&cursor));
        let further: Page<T> = api::get(&url, guard.signal().as_ref()).await?;
        page.items.extend(further.items);
        page.next_cursor = further.next_cursor;
        pages_read += 1;
    }
    Ok((page, pages_read))
}

/// A list that updates itself.
pub struct Rows<T: 'static> {
    /// `None` before the first response.
    pub shown: Option<Rc<Shown<T>>>,
    /// Error of the last load.
    pub error: Option<ApiError>,
    /// `shown` belongs to an earlier request.
    pub outdated: bool,
    /// `shown` is a partial result.
    pub searching: bool,
    /// Reloads and shows all rows, even if rows move.
    pub reload: Callback<()>,
    /// Shows the waiting rows.
    pub show_waiting: Callback<()>,
}

struct State<T> {
    shown: Option<Rc<Shown<T>>>,
    /// The request that `shown` belongs to.
    shown_request: Option<PageRequest>,
    searching: bool,
    error: Option<ApiError>,
}

enum Step<T> {
    /// A partial result of a request without a complete one.
    Partial(Box<PageRequest>, Page<T>),
    Loaded(Box<PageRequest>, Result<Page<T>, ApiError>, bool),
    ShowWaiting,
}

impl<T: ListItem> Reducible for State<T> {
    type Action = Step<T>;

    fn reduce(self: Rc<Self>, step: Step<T>) -> Rc<Self> {
        let shown = self.shown.clone();
        let shown_request = self.shown_request.clone();
        Rc::new(match step {
            Step::Partial(request, page) => {
                // A complete result stays until the next one.
                if !self.searching && shown_request.as_ref() == Some(&*request) {
                    return self;
                }
                let before = shown.as_ref().map_or(&[][..], |shown| &shown.rows);
                Self {
                    shown: Some(Rc::new(Shown::show(page, before, T::id))),
                    shown_request: Some(*request),
                    searching: true,
                    error: None,
                }
            }
            Step::Loaded(request, Ok(page), may_move) => {
                let next = match &shown {
                    Some(shown) if shown_request.as_ref() == Some(&*request) && !self.searching => {
                        shown.refresh(page, may_move, T::id)
                    }
                    Some(shown) => Shown::show(page, &shown.rows, T::id),
                    None => Shown::show(page, &[], T::id),
                };
                Self {
                    shown: Some(Rc::new(next)),
                    shown_request: Some(*request),
                    searching: false,
                    error: None,
                }
            }
            Step::Loaded(_, Err(error), _) => Self {
                shown,
                shown_request,
                searching: false,
                error: Some(error),
            },
            Step::ShowWaiting => Self {
                shown: shown.map(|shown| Rc::new(shown.show_waiting(T::id))),
                shown_request,
                searching: self.searching,
                error: self.error.clone(),
            },
        })
    }
}

/// Loads a list on mount and reloads it when the request changes, when rows change, at
/// the chosen interval, and on demand.
#[hook]
pub fn use_rows<T: ListItem>(request: PageRequest) -> Rows<T> {
    let state = use_reducer(|| State::<T> {
        shown: None,
        shown_request: None,
        searching: false,
        error: None,
    });
    // Pages that the last load took.
    let pages_read = use_mut_ref(|| 1_u32);
    let round = use_reducer(|| Round(0));
    // Set if the user requested the load, so that rows may move. Kept until a response
    // arrives, even if a later load overtakes this one.
    let requested_by_user = use_mut_ref(|| true);
    let every = use_prefs().map_or(0, |prefs| prefs.refresh);
    let read = {
        let (dispatch, requested_by_user) = (round.dispatcher(), Rc::clone(&requested_by_user));
        use_callback((), move |by_user: bool, ()| {
            *requested_by_user.borrow_mut() |= by_user;
            dispatch.dispatch(());
        })
    };
    {
        let (dispatch, pages_read) = (state.dispatcher(), Rc::clone(&pages_read));
        use_effect_with((request.clone(), round.0), move |(request, _)| {
            let request = request.clone();
            let abort = Abort::new();
            let guard = abort.clone();
            spawn_local(async move {
                let on_partial = |page: &Page<T>| {
                    if guard.wanted() {
                        let step = Step::Partial(Box::new(request.clone()), page.clone());
                        dispatch.dispatch(step);
                    }
                };
                let response = read_page::<T>(&request, &guard, on_partial).await;
                if guard.wanted() {
                    let response = response.map(|(page, pages)| {
                        *pages_read.borrow_mut() = pages;
                        page
                    });
                    let by_user = std::mem::take(&mut *requested_by_user.borrow_mut());
                    let may_move = by_user || (request.cursor.is_none() && scroll::rows_may_move());
                    dispatch.dispatch(Step::Loaded(Box::new(request), response, may_move));
                }
            });
            move || abort.abort()
        });
    }
    {
        let read = read.clone();
        use_effect_with(every, move |every| {
            let interval =
                (*every > 0).then(|| Interval::new(every * 1_000, move || read.emit(false)));
            move || drop(interval)
        });
    }
    let reload_timer = use_mut_ref(|| None::<Timeout>);
    {
        // With an acknowledgement filter, acknowledged rows leave the list at once.
        // Otherwise they change in place.
        let leaves = request.filter.known.is_some();
        let read = read.clone();
        use_signals(Callback::from(move |signal| {
            let mine = match signal {
                Signal::LocalChange => return read.emit(leaves),
                Signal::Resync | Signal::Change(ChangeEvent::Incident(_)) => true,
                Signal::Change(ChangeEvent::Delivery(delivery)) => delivery.entries > 0,
                Signal::Change(ChangeEvent::Notification(_)) => false,
            };
            let mut timer = reload_timer.borrow_mut();
            if mine && timer.is_none() {
                let (read, timer_ref) = (read.clone(), Rc::clone(&reload_timer));
                // A long search is restarted less often, or it would never finish.
                let wait = RELOAD_DELAY_MS.saturating_mul(*pages_read.borrow());
                *timer = Some(Timeout::new(wait, move || {
                    timer_ref.borrow_mut().take();
                    read.emit(false);
                }));
            }
        }));
    }
    let outdated = state.shown_request.as_ref() != Some(&request);
    Rows {
        shown: state.shown.clone(),
        error: state.error.clone(),
        outdated,
        searching: state.searching,
        reload: use_callback(read, |(), read| read.emit(true)),
        show_waiting: {
            let dispatch = state.dispatcher();
            use_callback((), move |(), ()| dispatch.dispatch(Step::ShowWaiting))
        },
    }
}

/// Load counter.
#[derive(Clone, Copy, PartialEq)]
struct Round(u32);

impl Reducible for Round {
    type Action = ();

    fn reduce(self: Rc<Self>, (): ()) -> Rc<Self> {
        Rc::new(Self(self.0.wrapping_add(1)))
    }
}

impl<T: ListItem> Rows<T> {
    pub fn list(&self) -> &[Row<T>] {
        self.shown.as_ref().map_or(&[], |shown| &shown.rows)
    }
}
