use std::{cell::RefCell, collections::HashMap, rc::Rc};

use yew::prelude::*;
use yew_router::{
    hooks::{use_location, use_navigator},
    query::Raw,
};

use super::{ListItem, rows::PageRequest};
use crate::query::{Filter, pairs, push_pair};

/// For each page's cursor, the cursor of the previous page.
type Trail = Rc<RefCell<HashMap<String, Option<String>>>>;

/// State of a list that is kept in the URL.
#[derive(Clone)]
pub struct ListLocation<T> {
    pub request: PageRequest,
    /// Query string with `?`, or empty.
    pub query: AttrValue,
    selected: Option<i64>,
    navigator: Option<yew_router::navigator::Navigator>,
    trail: Trail,
    kind: std::marker::PhantomData<T>,
}

/// Reads the list state from the URL.
#[hook]
pub fn use_list_location<T: ListItem>(selected: Option<i64>) -> ListLocation<T> {
    let query = use_location()
        .map(|l| l.query_str().to_owned())
        .unwrap_or_default();
    let cursor = pairs(&query).into_iter().find(|(name, _)| name == "cursor");
    let trail = use_memo((), |()| Trail::default());
    ListLocation {
        request: PageRequest {
            filter: Filter::parse(&query),
            cursor: cursor.map(|(_, cursor)| cursor),
        },
        query: query.into(),
        selected,
        navigator: use_navigator(),
        trail: Rc::clone(&trail),
        kind: std::marker::PhantomData,
    }
}

impl<T: ListItem> ListLocation<T> {
    /// Changes the filter and goes to the first page.
    pub fn filter(&self, filter: &Filter) {
        if *filter != self.request.filter {
            self.go(&write(filter, None), self.selected, false);
        }
    }

    /// Goes to the page after `cursor`.
    pub fn next(&self, cursor: &str) {
        let here = self.request.cursor.clone();
        self.trail.borrow_mut().insert(cursor.to_owned(), here);
        self.go(
            &write(&self.request.filter, Some(cursor)),
            self.selected,
            false,
        );
    }

    /// Goes to the previous page: the one the user came from, else `named` by the
    /// server, else the first.
    pub fn previous(&self, named: Option<&str>) {
        let cursor = self.request.cursor.as_ref();
        let came_from = cursor.and_then(|cursor| self.trail.borrow().get(cursor).cloned());
        let before = came_from.unwrap_or_else(|| named.map(str::to_owned));
        self.go(
            &write(&self.request.filter, before.as_deref()),
            self.selected,
            false,
        );
    }

    /// Page number from 1, if known.
    pub fn page(&self) -> Option<usize> {
        let trail = self.trail.borrow();
        let mut number = 1;
        let mut cursor = self.request.cursor.as_ref();
        while let Some(at) = cursor {
            cursor = trail.get(at)?.as_ref();
            number += 1;
        }
        Some(number)
    }

    /// Opens the panel of a row. Replaces the history entry if a panel is open, so that
    /// Back returns to the list.
    pub fn open(&self, id: i64) {
        if self.selected != Some(id) {
            self.go(&self.query, Some(id), self.selected.is_some());
        }
    }

    /// Closes the panel.
    pub fn close(&self) {
        if self.selected.is_some() {
            self.go(&self.query, None, false);
        }
    }

    fn go(&self, query: &str, row: Option<i64>, replace: bool) {
        let Some(navigator) = &self.navigator else {
            return;
        };
        let route = row.map_or_else(T::list_route, T::row_route);
        let query = query.trim_start_matches('?');
        match (query.is_empty(), replace) {
            (true, true) => navigator.replace(&route),
            (true, false) => navigator.push(&route),
            // A raw query is not encoded, so this cannot fail.
            (false, true) => drop(navigator.replace_with_query(&route, Raw(query))),
            (false, false) => drop(navigator.push_with_query(&route, Raw(query))),
        }
    }
}

fn write(filter: &Filter, cursor: Option<&str>) -> String {
    let mut query = filter.to_url_query();
    if let Some(cursor) = cursor {
        push_pair(&mut query, "cursor", cursor);
    }
    query
}
