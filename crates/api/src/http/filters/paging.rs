//! Which page of a list, in which direction, and whether its rows are counted.

use tocsin_api_types::FieldError;
use tocsin_storage::{Order, PageRequest, SortKey};
use utoipa::{IntoParams, ToSchema};

use crate::http::params::{FromQuery, Query, one_of};
use crate::http::problem::{ApiError, ProblemKind};

/// How every cursor begins.
pub(crate) const CURSOR: &str = "eyJrIjoi";

/// Rows of a page, unless the request says how many.
const ROWS: u32 = 50;

/// Which page of a list is wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Paging {
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `nextCursor` or `prevCursor` of another page, with the same filters
    /// and order.
    cursor: Option<String>,
}

impl FromQuery for Paging {
    fn read(query: &mut Query) -> Self {
        let limit = query.number("limit", 1, 500);
        let limit = limit.and_then(|limit| u32::try_from(limit).ok());
        Self {
            limit: Some(limit.unwrap_or(ROWS).min(query.page_limit)),
            cursor: query.text("cursor"),
        }
    }
}

impl Paging {
    /// # Errors
    /// The cursor belongs to another list.
    pub(crate) fn of<K: SortKey>(&self, key: K, order: Order) -> Result<PageRequest<K>, ApiError> {
        PageRequest::new(
            key,
            order,
            self.limit.unwrap_or(ROWS),
            self.cursor.as_deref(),
        )
        .map_err(|error| {
            // What looks like a cursor may be one, of another list: there is no
            // such page here. Anything else is a mistake in the request.
            let kind = match self.cursor.as_deref() {
                Some(cursor) if cursor.starts_with(CURSOR) => ProblemKind::NotFound,
                _ => ProblemKind::InvalidRequest,
            };
            let error = FieldError {
                field: "cursor".to_owned(),
                message: error.to_string(),
            };
            ApiError::fields(kind, vec![error])
        })
    }
}

/// Whether rows are counted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Counting {
    /// Say how many rows the list has altogether, too: exactly up to 10,000,
    /// and where that takes no long search.
    count: Option<bool>,
}

impl FromQuery for Counting {
    fn read(query: &mut Query) -> Self {
        Self {
            count: query.flag("count"),
        }
    }
}

impl Counting {
    pub(crate) fn wanted(&self) -> bool {
        self.count == Some(true)
    }
}

/// The direction of a list.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// Oldest or smallest first.
    Asc,
    /// Newest or greatest first.
    Desc,
}

/// In which direction.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Ordering {
    /// Left out: `desc`, the newest or greatest first.
    #[param(inline)]
    order: Option<Direction>,
}

impl FromQuery for Ordering {
    fn read(query: &mut Query) -> Self {
        const DIRECTIONS: &[(&str, Direction)] =
            &[("asc", Direction::Asc), ("desc", Direction::Desc)];
        Self {
            order: query.parse("order", one_of(DIRECTIONS)),
        }
    }
}

impl Ordering {
    pub(crate) fn of(&self) -> Order {
        match self.order {
            Some(Direction::Asc) => Order::Asc,
            Some(Direction::Desc) | None => Order::Desc,
        }
    }
}
