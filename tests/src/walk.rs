//! Reading paged lists to their end.

use serde::de::DeserializeOwned;
use tocsin_api_types::Page;

use crate::Tocsin;

/// A list and its query parameters.
#[derive(Clone, Debug)]
pub struct Walk {
    path: String,
    query: Vec<(String, String)>,
}

impl Walk {
    /// The list at `/api/v1/NAME`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self {
            path: format!("/api/v1/{name}"),
            query: Vec::new(),
        }
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Path and query.
    #[must_use]
    pub fn url(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        match query.finish() {
            query if query.is_empty() => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }

    /// All rows of all pages.
    ///
    /// # Panics
    /// After 10,000 pages.
    pub async fn all<T: DeserializeOwned>(&self, tocsin: &Tocsin) -> Vec<T> {
        let mut rows = Vec::new();
        let mut walk = self.clone();
        for _ in 0..10_000 {
            let page: Page<T> = tocsin.get(&walk.url()).await;
            rows.extend(page.items);
            match page.next_cursor {
                None => return rows,
                Some(cursor) => walk = self.clone().with("cursor", cursor),
            }
        }
        panic!("{} has no end", self.url());
    }
}

impl Tocsin {
    /// All rows of the list at `/api/v1/NAME?QUERY`.
    pub async fn all<T: DeserializeOwned>(&self, list: &str) -> Vec<T> {
        let (name, query) = list.split_once('?').unwrap_or((list, ""));
        let mut walk = Walk::of(name);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            walk = walk.with(&name, value);
        }
        if !query.contains("limit=") {
            walk = walk.with("limit", 500);
        }
        walk.all(self).await
    }
}
