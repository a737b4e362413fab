use std::{cell::Cell, rc::Rc};

use web_sys::{AbortController, AbortSignal};

/// Aborts a request, and marks a response that still arrives as unwanted.
#[derive(Clone)]
pub struct Abort {
    controller: Option<AbortController>,
    wanted: Rc<Cell<bool>>,
}

impl Abort {
    pub fn new() -> Self {
        Self {
            controller: AbortController::new().ok(),
            wanted: Rc::new(Cell::new(true)),
        }
    }

    pub fn signal(&self) -> Option<AbortSignal> {
        self.controller.as_ref().map(AbortController::signal)
    }

    /// False after [`Abort::abort`].
    pub fn wanted(&self) -> bool {
        self.wanted.get()
    }

    pub fn abort(&self) {
        self.wanted.set(false);
        if let Some(controller) = &self.controller {
            controller.abort();
        }
    }
}
