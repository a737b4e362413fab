//! Times in the user's zone: the chosen one, or the browser's. `Intl` has the rules of
//! all zones and adds nothing to the download.

use std::cell::RefCell;

use chrono::{DateTime, Utc};
use js_sys::{Array, Date, Function, Intl, Object, Reflect};
use wasm_bindgen::JsValue;

/// The current time of the browser's clock.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(Date::now() as i64).unwrap_or_default()
}

/// A cached formatter. The Swedish locale gives `2026-11-22 20:14:03`, which is
/// unambiguous in every language.
struct Format(Function);

impl Format {
    fn new(zone: &str) -> Self {
        let object = Object::new();
        for (name, value) in FULL.into_iter().chain([("timeZone", zone)]) {
            // Setting a property of a new object does not fail.
            let _ = Reflect::set(&object, &name.into(), &value.into());
        }
        let format = Intl::DateTimeFormat::new(&Array::of1(&"sv-SE".into()), &object);
        Self(format.format())
    }

    fn of(&self, time: DateTime<Utc>) -> String {
        let date = Date::new(&JsValue::from_f64(time.timestamp_millis() as f64));
        let text = self.0.call1(&JsValue::UNDEFINED, &date).ok();
        text.and_then(|text| text.as_string())
            .unwrap_or_else(|| utc(time))
    }
}

const FULL: [(&str, &str); 6] = [
    ("year", "numeric"),
    ("month", "2-digit"),
    ("day", "2-digit"),
    ("hour", "2-digit"),
    ("minute", "2-digit"),
    ("second", "2-digit"),
];

thread_local! {
    static BROWSER: String = {
        let format = Intl::DateTimeFormat::new(&Array::new(), &Object::new());
        Reflect::get(&format.resolved_options(), &"timeZone".into())
            .ok()
            .and_then(|zone| zone.as_string())
            .unwrap_or_else(|| "UTC".to_owned())
    };
    static LOCAL: RefCell<(String, Format)> = RefCell::new(in_zone(None));
}

/// Falls back to the browser's zone for one that it does not know, which would throw.
fn in_zone(zone: Option<&str>) -> (String, Format) {
    let known = zone.filter(|zone| is_zone(zone));
    let zone = known.map_or_else(browser_zone, str::to_owned);
    let format = Format::new(&zone);
    (zone, format)
}

fn is_zone(zone: &str) -> bool {
    let try_it = || {
        let intl = Reflect::get(&js_sys::global(), &"Intl".into())?;
        let format: Function = Reflect::get(&intl, &"DateTimeFormat".into())?.into();
        let options = Object::new();
        Reflect::set(&options, &"timeZone".into(), &zone.into())?;
        Reflect::construct(&format, &Array::of2(&"en".into(), &options))
    };
    try_it().is_ok()
}

/// Sets the display zone; `None` is the browser's.
pub fn set_zone(zone: Option<&str>) {
    LOCAL.with(|local| *local.borrow_mut() = in_zone(zone));
}

/// The browser's zone, for example `Asia/Shanghai`.
pub fn browser_zone() -> String {
    BROWSER.with(String::clone)
}

/// `2026-11-22 20:14:03` in the user's zone.
pub fn local(time: DateTime<Utc>) -> String {
    LOCAL.with(|local| local.borrow().1.of(time))
}

/// [`local`] without the year if it is the current one.
pub fn local_short(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let (time, now) = (local(time), local(now));
    match (time.get(..5), time.get(5..)) {
        (Some(year), Some(rest)) if now.starts_with(year) => rest.to_owned(),
        _ => time,
    }
}

/// `20:00`
pub fn hour_of(time: DateTime<Utc>) -> String {
    local(time).get(11..16).unwrap_or_default().to_owned()
}

/// `11-22`
pub fn day_of(time: DateTime<Utc>) -> String {
    local(time).get(5..10).unwrap_or_default().to_owned()
}

/// `2026-11-22 12:14:03`, always UTC.
pub fn utc(time: DateTime<Utc>) -> String {
    let text = time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    text.replace('T', " ").trim_end_matches('Z').to_owned()
}

/// The user's zone, for example `Asia/Shanghai`.
pub fn zone() -> String {
    LOCAL.with(|local| local.borrow().0.clone())
}

/// Formats a value for `<input type="datetime-local">`, in the user's zone.
pub fn to_input(time: DateTime<Utc>) -> String {
    let text = local(time);
    text.get(..16).unwrap_or(&text).replace(' ', "T")
}

/// Parses the value of such an input.
pub fn from_input(text: &str) -> Option<DateTime<Utc>> {
    let wanted = Date::parse(&format!("{text}Z"));
    if wanted.is_nan() {
        return None;
    }
    // Applies the zone's offset at an approximate time. The second iteration is exact,
    // except during a clock change.
    let mut millis = wanted as i64;
    for _ in 0..2 {
        let at = DateTime::from_timestamp_millis(millis)?;
        let shown = Date::parse(&format!("{}Z", local(at).replace(' ', "T")));
        if shown.is_nan() {
            return None;
        }
        millis += wanted as i64 - shown as i64;
    }
    DateTime::from_timestamp_millis(millis)
}

/// All zones that the browser knows; empty if it cannot list them.
pub fn zones() -> Vec<String> {
    let intl = Reflect::get(&js_sys::global(), &"Intl".into());
    let list = intl.and_then(|intl| {
        let all: Function = Reflect::get(&intl, &"supportedValuesOf".into())?.into();
        all.call1(&intl, &"timeZone".into())
    });
    let list = list.map(|list| Array::from(&list)).unwrap_or_default();
    list.iter().filter_map(|zone| zone.as_string()).collect()
}
