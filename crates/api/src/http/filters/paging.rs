//! Paging, order and counts of lists.

use tocsin_api_types::FieldError;
use tocsin_storage::{Order, PageRequest, SortKey};
use utoipa::{IntoParams, ToSchema};

use crate::http::params::{FromQuery, Query, one_of};
use crate::http::problem::{ApiError, ProblemKind};

/// Prefix of every cursor.
pub(crate) const CURSOR: &str = "eyJrIjoi";

/// Default number of rows on a page.
const ROWS: u32 = 50;

/// Page of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Paging {
    /// Maximum number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// `nextCursor` or `prevCursor` of another page with the same filters and order.
    cursor: Option<String>,
}

impl FromQuery for Paging {
    fn read(query: &mut Query) -> Self {
        let limit = query.number("limit", 1, 500);
        let limit = limit.and_then(|limit| u32::try_from(limit).ok());
        Self {
            limit: Some(limit.unwrap_or(ROWS).min(query.page_limit)),
            cursor: query.value("cursor"),
        }
    }
}

impl Paging {
    /// Converts the parameters to a page request.
    ///
    /// # Errors
    /// The cursor is invalid or belongs to another list.
    pub(crate) fn of<K: SortKey>(&self, key: K, order: Order) -> Result<PageRequest<K>, ApiError> {
        PageRequest::new(
            key,
            order,
            self.limit.unwrap_or(ROWS),
            self.cursor.as_deref(),
        )
        .map_err(|error| {
            // A cursor of another list is not found; any other value is invalid.
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

/// Counting of rows.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Counting {
    /// With `true`, the total number of rows is returned. It is exact up to 10,000, unless
    /// counting takes too long.
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

/// Sort order of a list.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// Ascending: oldest or smallest first.
    Asc,
    /// Descending: newest or greatest first.
    Desc,
}

/// Sort order.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Ordering {
    /// Sort order. Defaults to `desc`.
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
