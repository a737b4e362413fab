//! Deserializes integers as JSON Schema defines them: `7.0` is an integer, too.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

struct Whole(i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i64, E> {
        i64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<i64, E> {
        // Large values lose precision as `f64`: above 10^15 a fraction can be a rounding
        // error, so the value counts as an integer.
        let is_whole = value.fract() == 0.0 || value.abs() > 1e15;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "within the bounds, which are exact themselves"
        )]
        if is_whole && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value)
        {
            return Ok(value as i64);
        }
        Err(E::invalid_value(Unexpected::Float(value), &self))
    }
}

/// Deserializes a list of integers.
pub(crate) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    let numbers = Vec::<Whole>::deserialize(deserializer)?;
    Ok(numbers.into_iter().map(|Whole(number)| number).collect())
}

/// Deserializes a list of integers or null.
pub(crate) fn list_or_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<i64>>, D::Error> {
    let numbers = Option::<Vec<Whole>>::deserialize(deserializer)?;
    Ok(numbers.map(|numbers| numbers.into_iter().map(|Whole(number)| number).collect()))
}

/// Deserializes an integer or null.
pub(crate) fn number_or_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    let number = Option::<Whole>::deserialize(deserializer)?;
    Ok(number.map(|Whole(number)| number))
}

#[cfg(test)]
mod tests {
    use crate::{RouteInput, RouteOrder};

    #[test]
    fn a_whole_number_may_have_a_point() {
        let order: RouteOrder =
            serde_json::from_str(r#"{"ids": [7.0, 8, 2e3, 3879610048821326.0]}"#).expect("numbers");
        assert_eq!(order.ids, [7, 8, 2000, 3_879_610_048_821_326]);
        let route: RouteInput = serde_json::from_str(
            r#"{"name": "a", "matchers": [], "groupIds": [1.0], "position": 3.0}"#,
        )
        .expect("a route");
        assert_eq!((route.group_ids, route.position), (vec![1], Some(3)));
        for wrong in ["7.5", "1e300", "9223372036854775808", "\"7\"", "null"] {
            let text = format!(r#"{{"ids": [{wrong}]}}"#);
            assert!(
                serde_json::from_str::<RouteOrder>(&text).is_err(),
                "{wrong}"
            );
        }
    }
}
