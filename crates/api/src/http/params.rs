//! Query parameters: repeatable, and every one that is wrong is named.
//!
//! serde's form decoder knows no repeated parameter and stops at the first
//! mistake, hence this one.

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

/// Parameters that a handler reads from the query.
pub(crate) trait FromQuery: Sized + Send + 'static {
    /// Takes its parameters out of `query`.
    fn read(query: &mut Query) -> Self;
}

impl FromQuery for () {
    fn read(_: &mut Query) -> Self {}
}

/// Parameters of several kinds, side by side.
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

/// The extractor of parameters. `Params<()>` refuses any.
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
        // Compiling their expressions takes some milliseconds.
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

/// The parameters not yet taken, and what was wrong with the taken ones.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    errors: Vec<FieldError>,
    /// `server.page_limit`: who asks for more gets a shorter page.
    pub(crate) page_limit: u32,
}

/// The most parameters that a query may have.
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
            query.error("", format!("at most {MAX_PARAMETERS} parameters are read"));
            query.pairs.clear();
        }
        query
    }

    /// All values of a repeatable parameter.
    pub(crate) fn texts(&mut self, name: &str) -> Vec<String> {
        let mut values = Vec::new();
        self.pairs.retain_mut(|(key, value)| {
            let taken = key == name;
            if taken {
                values.push(std::mem::take(value));
            }
            !taken
        });
        values
    }

    /// The value of a parameter that may be given once. An empty one counts as
    /// left out, for that is what an emptied form field sends.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let mut values = self.texts(name);
        if values.len() > 1 {
            self.error(name, "may be given only once");
        }
        values.pop().filter(|value| !value.is_empty())
    }

    /// A parameter that `read` makes something of.
    pub(crate) fn parse<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.error(name, message);
                None
            }
        }
    }

    /// A repeatable parameter, of which `read` makes something.
    pub(crate) fn parse_all<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let texts = self.texts(name);
        let mut values = Vec::with_capacity(texts.len());
        for text in texts {
            match read(&text) {
                Ok(value) => values.push(value),
                Err(message) => self.error(name, message),
            }
        }
        values
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn number(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        self.parse(name, |text| {
            let number = text
                .parse()
                .ok()
                .filter(|number| (least..=most).contains(number));
            number.ok_or_else(|| match most {
                i64::MAX => format!("expected a whole number from {least}, found {text:?}"),
                _ => format!("expected a whole number from {least} to {most}, found {text:?}"),
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
            // A plus sign that was not written %2B arrives as a space.
            let (day, rest) = text.split_at_checked(11).unwrap_or((text, ""));
            let text = format!("{day}{}", rest.replace(' ', "+"));
            Timestamp::parse_rfc3339(&text)
                .map(Timestamp::to_datetime)
                .map_err(|_| {
                    format!("expected a time such as 2026-01-31T08:00:00Z, found {text:?}")
                })
        })
    }

    /// Says that a parameter is wrong.
    pub(crate) fn error(&mut self, name: &str, message: impl Into<String>) {
        self.errors.push(FieldError {
            field: name.to_owned(),
            message: message.into(),
        });
    }

    /// # Errors
    /// What was wrong, and what is left because nobody asked for it.
    pub(crate) fn finish(mut self) -> Result<(), ApiError> {
        let mut unknown: Vec<_> = self.pairs.drain(..).map(|(name, _)| name).collect();
        unknown.dedup();
        for name in unknown {
            self.error(&name, "there is no such parameter here");
        }
        self.finish_leniently()
    }

    /// As [`Query::finish`], but what nobody asked for is passed over: a
    /// delivery is not turned away for a word in its address.
    pub(crate) fn finish_leniently(self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(ApiError::fields(ProblemKind::InvalidRequest, self.errors))
    }
}

/// Reads one of `words`, for [`Query::parse`].
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
    fn parameters_repeat_and_decode() {
        let mut query = Query::new("team=infra&team=%E6%95%B0%E6%8D%AE&q=a+b&known=true&limit=");
        assert_eq!(query.texts("team"), ["infra", "数据"]);
        assert_eq!(query.text("q").as_deref(), Some("a b"));
        assert_eq!(query.flag("known"), Some(true));
        assert_eq!(query.number("limit", 1, 500), None);
        assert!(query.finish().is_ok());
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        let mut query = Query::new("limit=0&known=maybe&from=yesterday&zzz=1&q=a&q=b");
        query.number("limit", 1, 500);
        query.flag("known");
        query.time("from");
        query.text("q");
        let fields: Vec<_> = errors(query).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["limit", "known", "from", "q", "zzz"]);
    }

    #[test]
    fn an_unescaped_plus_in_an_offset_is_forgiven() {
        let mut query = Query::new("from=2026-01-31T08:00:00+08:00&to=2026-01-31T08:00:00%2B08:00");
        assert_eq!(query.time("from"), query.time("to"));
        assert!(errors(query).is_empty());
    }
}
