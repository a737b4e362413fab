use std::rc::Rc;

use gloo_timers::callback::{Interval, Timeout};
use tocsin_api_types::{ChangeEvent, Page};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::{
    Listed,
    model::{Row, Shown},
    moves,
};
use crate::{
    api::{self, ApiError},
    query::{Filter, push_pair},
    state::{Abort, Signal, use_prefs, use_signals},
    time,
};

/// Rows of a page.
pub const LIMIT: usize = 50;
/// How long news are gathered before the list is read again, in milliseconds;
/// for each page that had to be asked for.
const GATHER: u32 = 250;
/// Pages that are asked for to fill one: the server looks at so many rows for
/// each and answers with what it has found, be it nothing.
const FURTHER: u32 = 40;

/// Which page of which list.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What is asked for.
    pub filter: Filter,
    /// Where the page begins.
    pub cursor: Option<String>,
}

impl Question {
    /// What is asked for, as the API takes it.
    fn query(&self) -> String {
        self.filter.to_api(time::now())
    }
}

/// The address of one page of a list.
fn path<T: Listed>(query: &str, limit: usize, cursor: Option<&str>) -> String {
    let mut query = query.to_owned();
    push_pair(&mut query, "limit", &limit.to_string());
    if let Some(cursor) = cursor {
        push_pair(&mut query, "cursor", cursor);
    }
    format!("{}?{query}", T::PATH)
}

/// Reads a page, and where it comes short, what follows, until it is full, the
/// list ends or enough was tried. `so_far` hears of what was found meanwhile.
async fn read_page<T: Listed>(
    question: &Question,
    guard: &Abort,
    so_far: impl Fn(&Page<T>),
) -> Result<(Page<T>, u32), ApiError> {
    // Once, so that all of the pages are about the same range of time.
    let query = question.query();
    let mut address = path::<T>(&query, LIMIT, question.cursor.as_deref());
    let mut page: Page<T> = api::get(&address, guard.signal().as_ref()).await?;
    let mut asked = 1;
    while let Some(cursor) = page.next_cursor.clone() {
        let missing = LIMIT.saturating_sub(page.items.len());
        if missing == 0 || asked == FURTHER || !guard.wanted() {
            break;
        }
        so_far(&page);
        address = path::<T>(&query, missing, Some(&cursor));
        let further: Page<T> = api::get(&address, guard.signal().as_ref()).await?;
        page.items.extend(further.items);
        page.next_cursor = further.next_cursor;
        asked += 1;
    }
    Ok((page, asked))
}

/// A list that keeps itself fresh.
pub struct Rows<T: 'static> {
    /// What is shown; none before the first answer.
    pub shown: Option<Rc<Shown<T>>>,
    /// Why the last reading failed.
    pub error: Option<ApiError>,
    /// What is shown answers an earlier question.
    pub behind: bool,
    /// What is shown is what was found so far.
    pub searching: bool,
    /// Reads again and shows everything, whatever moves.
    pub reload: Callback<()>,
    /// Shows what waits.
    pub catch_up: Callback<()>,
}

struct State<T> {
    shown: Option<Rc<Shown<T>>>,
    /// The question that `shown` answers.
    answered: Option<Question>,
    searching: bool,
    error: Option<ApiError>,
}

enum Step<T> {
    /// What was found so far for a question that has no answer yet.
    SoFar(Box<Question>, Page<T>),
    Answer(Box<Question>, Result<Page<T>, ApiError>, bool),
    CatchUp,
}

impl<T: Listed> Reducible for State<T> {
    type Action = Step<T>;

    fn reduce(self: Rc<Self>, step: Step<T>) -> Rc<Self> {
        let shown = self.shown.clone();
        let answered = self.answered.clone();
        Rc::new(match step {
            Step::SoFar(question, page) => {
                // Where there is an answer already, that stays until the next.
                if !self.searching && answered.as_ref() == Some(&*question) {
                    return self;
                }
                let before = shown.as_ref().map_or(&[][..], |shown| &shown.rows);
                Self {
                    shown: Some(Rc::new(Shown::show(page, before, T::id))),
                    answered: Some(*question),
                    searching: true,
                    error: None,
                }
            }
            Step::Answer(question, Ok(page), may_move) => {
                let next = match &shown {
                    Some(shown) if answered.as_ref() == Some(&*question) && !self.searching => {
                        shown.renew(page, may_move, T::id)
                    }
                    Some(shown) => Shown::show(page, &shown.rows, T::id),
                    None => Shown::show(page, &[], T::id),
                };
                Self {
                    shown: Some(Rc::new(next)),
                    answered: Some(*question),
                    searching: false,
                    error: None,
                }
            }
            Step::Answer(_, Err(error), _) => Self {
                shown,
                answered,
                searching: false,
                error: Some(error),
            },
            Step::CatchUp => Self {
                shown: shown.map(|shown| Rc::new(shown.catch_up(T::id))),
                answered,
                searching: self.searching,
                error: self.error.clone(),
            },
        })
    }
}

/// Reads a list: now, when the question changes, when its rows change, every
/// few seconds if so chosen, and on demand.
#[hook]
pub fn use_rows<T: Listed>(question: Question) -> Rows<T> {
    let state = use_reducer(|| State::<T> {
        shown: None,
        answered: None,
        searching: false,
        error: None,
    });
    // Pages that the last answer took.
    let effort = use_mut_ref(|| 1_u32);
    let round = use_reducer(|| Round(0));
    // The person asked for what is being read, so rows may move. It holds until
    // an answer comes, also where a later reading overtakes this one.
    let asked = use_mut_ref(|| true);
    let every = use_prefs().map_or(0, |prefs| prefs.refresh);
    let read = {
        let (dispatch, asked) = (round.dispatcher(), Rc::clone(&asked));
        use_callback((), move |by_person: bool, ()| {
            *asked.borrow_mut() |= by_person;
            dispatch.dispatch(());
        })
    };
    {
        let (dispatch, effort) = (state.dispatcher(), Rc::clone(&effort));
        use_effect_with((question.clone(), round.0), move |(question, _)| {
            let question = question.clone();
            let abort = Abort::new();
            let guard = abort.clone();
            spawn_local(async move {
                let so_far = |page: &Page<T>| {
                    if guard.wanted() {
                        let step = Step::SoFar(Box::new(question.clone()), page.clone());
                        dispatch.dispatch(step);
                    }
                };
                let answer = read_page::<T>(&question, &guard, so_far).await;
                if guard.wanted() {
                    let answer = answer.map(|(page, asked)| {
                        *effort.borrow_mut() = asked;
                        page
                    });
                    let by_person = std::mem::take(&mut *asked.borrow_mut());
                    let may_move = by_person || (question.cursor.is_none() && moves::may_move());
                    dispatch.dispatch(Step::Answer(Box::new(question), answer, may_move));
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
    let gathering = use_mut_ref(|| None::<Timeout>);
    {
        // Where the list is of what nobody acknowledged yet, acknowledged rows
        // leave it at once; elsewhere they change in place.
        let leaves = question.filter.known.is_some();
        let read = read.clone();
        use_signals(Callback::from(move |signal| {
            let mine = match signal {
                Signal::Acted => return read.emit(leaves),
                Signal::Resync | Signal::Change(ChangeEvent::Incident(_)) => true,
                Signal::Change(ChangeEvent::Delivery(delivery)) => delivery.entries > 0,
                Signal::Change(ChangeEvent::Notification(_)) => false,
            };
            let mut timer = gathering.borrow_mut();
            if mine && timer.is_none() {
                let (read, timer_ref) = (read.clone(), Rc::clone(&gathering));
                // A long search is not begun anew as often, or it would not end.
                let wait = GATHER.saturating_mul(*effort.borrow());
                *timer = Some(Timeout::new(wait, move || {
                    timer_ref.borrow_mut().take();
                    read.emit(false);
                }));
            }
        }));
    }
    let behind = state.answered.as_ref() != Some(&question);
    Rows {
        shown: state.shown.clone(),
        error: state.error.clone(),
        behind,
        searching: state.searching,
        reload: use_callback(read, |(), read| read.emit(true)),
        catch_up: {
            let dispatch = state.dispatcher();
            use_callback((), move |(), ()| dispatch.dispatch(Step::CatchUp))
        },
    }
}

/// Counts the readings.
#[derive(Clone, Copy, PartialEq)]
struct Round(u32);

impl Reducible for Round {
    type Action = ();

    fn reduce(self: Rc<Self>, (): ()) -> Rc<Self> {
        Rc::new(Self(self.0.wrapping_add(1)))
    }
}

impl<T: Listed> Rows<T> {
    /// The rows that are shown.
    pub fn list(&self) -> &[Row<T>] {
        self.shown.as_ref().map_or(&[], |shown| &shown.rows)
    }
}
