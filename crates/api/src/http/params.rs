//! Query parameters. They can be repeated, and all invalid ones are reported together.
//!
//! serde's form decoders support neither.

use std::future::ready;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tocsin_api_types::FieldError;
use tocsin_core::time::Timestamp;
use tocsin_storage::MAX_LIMIT;

use super::problem::{ApiError, ProblemKind};
use super::state::AppState;

/// Parameters that are parsed from the query.
pub(crate) trait FromQuery: Sized + Send + 'static {
    /// Removes the parameters from `query` and parses them.
    fn read(query: &mut Query) -> Self;
}

impl FromQuery for () {
    fn read(_: &mut Query) -> Self {}
}

/// Implements [`FromQuery`] for tuples.
macro_rules! tuples {
    ($($($name:ident)+,)+) => {$(
        impl<$($name: FromQuery),+> FromQuery for ($($name,)+) {
            fn read(query: &mut Query) -> Self {
                ($($name::read(query),)+)
            }
        }
    )+};
}

tuples!(A B, A B C, A B C D, A B C D E, A B C D E F,);

/// Extractor for query parameters. `Params<()>` rejects all parameters.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: FromQuery> FromRequest for Params<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut query = Query::new(request.query_string());
        let state = request.app_data::<Data<AppState>>().cloned();
        if let Some(state) = &state {
            query.page_limit = state.settings.page_limit;
        }
        // Compiling regular expressions can take milliseconds.
        let has_matchers = query.pairs.iter().any(|(name, _)| name == "label");
        match state.filter(|_| has_matchers) {
            None => ready(read(query)).boxed_local(),
            Some(state) => async move {
                let work = Box::pin(async { read(query) });
                state.read_pool.run(work).await
            }
            .boxed_local(),
        }
    }
}

fn read<T: FromQuery>(mut query: Query) -> Result<Params<T>, ApiError> {
    let value = T::read(&mut query);
    query.finish().map(|()| Params(value))
}

/// Parameters that are not yet parsed, and the errors of the parsed ones.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    errors: Vec<FieldError>,
    /// `server.page_limit`: larger requested pages are shortened.
    pub(crate) page_limit: u32,
}

/// Maximum number of parameters.
const MAX_PARAMETERS: usize = 500;

impl Query {
    pub(crate) fn new(text: &str) -> Self {
        let pairs = url::form_urlencoded::parse(text.as_bytes());
        let pairs: Vec<_> = pairs
            .take(MAX_PARAMETERS + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let mut query = Self {
            pairs,
            errors: Vec::new(),
            page_limit: MAX_LIMIT,
        };
        if query.pairs.len() > MAX_PARAMETERS {
            query.error(
                "",
                format!("at most {MAX_PARAMETERS} parameters are allowed"),
            );
            query.pairs.clear();
        }
        query
    }

    /// Values of a repeatable parameter.
    pub(crate) fn values(&mut self, name: &str) -> Vec<String> {
        let mut values = Vec::new();
        self.pairs.retain_mut(|(key, value)| {
            let is_match = key == name;
            if is_match {
                values.push(std::mem::take(value));
            }
            !is_match
        });
        values
    }

    /// Value of a parameter that cannot be repeated. An empty value counts as omitted: HTML
    /// forms send empty fields.
    pub(crate) fn value(&mut self, name: &str) -> Option<String> {
        let mut values = self.values(name);
        if values.len() > 1 {
            self.error(name, "cannot be repeated");
        }
        values.pop().filter(|value| !value.is_empty())
    }

    /// Value of a parameter, parsed by `read`.
    pub(crate) fn parse<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.value(name)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.error(name, message);
                None
            }
        }
    }

    /// Values of a repeatable parameter, parsed by `read`.
    pub(crate) fn parse_all<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let texts = self.values(name);
        let mut values = Vec::with_capacity(texts.len());
        for text in texts {
            match read(&text) {
                Ok(value) => values.push(value),
                Err(message) => self.error(name, message),
            }
        }
        values
    }

    /// An integer from `min` to `max`.
    pub(crate) fn number(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        self.parse(name, |text| {
            let number = text
                .parse()
                .ok()
                .filter(|number| (min..=max).contains(number));
            number.ok_or_else(|| match max {
                i64::MAX => format!("expected a whole number from {min}, found {text:?}"),
                _ => format!("expected a whole number from {min} to {max}, found {text:?}"),
            })
        })
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        self.parse(name, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(format!("expected true or false, found {text:?}")),
        })
    }

    /// An RFC 3339 time.
    pub(crate) fn time(&mut self, name: &str) -> Option<DateTime<Utc>> {
        self.parse(name, |text| {
            // A plus sign that was not encoded as %2B is decoded as a space.
            let (day, rest) = text.split_at_checked(11).unwrap_or((text, ""));
            let text = format!("{day}{}", rest.replace(' ', "+"));
            Timestamp::parse_rfc3339(&text)
                .map(Timestamp::to_datetime)
                .map_err(|_| {
                    format!("expected a time such as 2026-01-31T08:00:00Z, found {text:?}")
                })
        })
    }

    /// Records an error of a parameter.
    pub(crate) fn error(&mut self, name: &str, message: impl Into<String>) {
        self.errors.push(FieldError {
            field: name.to_owned(),
            message: message.into(),
        });
    }

    /// # Errors
    /// All invalid and unknown parameters.
    pub(crate) fn finish(mut self) -> Result<(), ApiError> {
        let mut unknown: Vec<_> = self.pairs.drain(..).map(|(name, _)| name).collect();
        unknown.dedup();
        for name in unknown {
            self.error(&name, "unknown parameter");
        }
        self.finish_leniently()
    }

    /// As [`Query::finish`], but unknown parameters are ignored: a delivery must not be
    /// rejected because of them.
    ///
    /// # Errors
    /// All invalid parameters.
    pub(crate) fn finish_leniently(self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(ApiError::fields(ProblemKind::InvalidRequest, self.errors))
    }
}

/// Parses one of `words`, for [`Query::parse`].
pub(crate) fn one_of<T: Copy>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                format!("expected one of {}, found {text:?}", words.join(", "))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(query: Query) -> Vec<(String, String)> {
        let problem = query.finish().err().map(|error| error.problem());
        let errors = problem.map(|problem| problem.errors).unwrap_or_default();
        errors
            .into_iter()
            .map(|error| (error.field, error.message))
            .collect()
    }

    #[test]
    fn parameters_are_decoded_and_can_be_repeated() {
        let mut query = Query::new("team=infra&team=%E6%95%B0%E6%8D%AE&q=a+b&known=true&limit=");
        assert_eq!(query.values("team"), ["infra", "数据"]);
        assert_eq!(query.value("q").as_deref(), Some("a b"));
        assert_eq!(query.flag("known"), Some(true));
        assert_eq!(query.number("limit", 1, 500), None);
        assert!(query.finish().is_ok());
    }

    #[test]
    fn all_invalid_parameters_are_reported() {
        let mut query = Query::new("limit=0&known=maybe&from=yesterday&zzz=1&q=a&q=b");
        query.number("limit", 1, 500);
        query.flag("known");
        query.time("from");
        query.value("q");
        let fields: Vec<_> = errors(query).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["limit", "known", "from", "q", "zzz"]);
    }

    #[test]
    fn unescaped_plus_in_an_offset_is_accepted() {
        let mut query = Query::new("from=2026-01-31T08:00:00+08:00&to=2026-01-31T08:00:00%2B08:00");
        assert_eq!(query.time("from"), query.time("to"));
        assert!(errors(query).is_empty());
    }
}
