use std::{cell::Cell, rc::Rc};

use web_sys::{AbortController, AbortSignal};

/// Gives up a request, and makes sure that an answer which comes all the same
/// is not taken for news.
#[derive(Clone)]
pub struct Abort {
    controller: Option<AbortController>,
    wanted: Rc<Cell<bool>>,
}

impl Abort {
    /// For a request about to be made.
    pub fn new() -> Self {
        Self {
            controller: AbortController::new().ok(),
            wanted: Rc::new(Cell::new(true)),
        }
    }

    /// For the request.
    pub fn signal(&self) -> Option<AbortSignal> {
        self.controller.as_ref().map(AbortController::signal)
    }

    /// Whether anybody still waits for the answer.
    pub fn wanted(&self) -> bool {
        self.wanted.get()
    }

    /// Nobody waits for the answer any more.
    pub fn abort(&self) {
        self.wanted.set(false);
        if let Some(controller) = &self.controller {
            controller.abort();
        }
    }
}
