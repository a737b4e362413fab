//! The body on the wire, for serde. Except for maps, missing and empty mean the same, so an empty
//! string stands for both.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::alertmanager::MAX_ALERTS;
use crate::alert::Labels;

/// `template.Data` in Alertmanager's `template/template.go`. `commonLabels` and `commonAnnotations`
/// are ignored: each alert has its own.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireBody<'a> {
    #[serde(borrow)]
    pub(super) receiver: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
    /// Grafana: `alerting` or `ok`.
    #[serde(borrow)]
    pub(super) state: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) alerts: Option<WireAlerts<'a>>,
    #[serde(rename = "groupLabels")]
    pub(super) group_labels: Option<Labels>,
    #[serde(borrow, rename = "externalURL")]
    pub(super) external_url: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) version: Cow<'a, str>,
    #[serde(borrow, rename = "groupKey")]
    pub(super) group_key: Cow<'a, str>,
    #[serde(rename = "truncatedAlerts")]
    pub(super) truncated_alerts: u64,
}

/// `template.Alert`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireAlert<'a> {
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
    pub(super) labels: Option<Labels>,
    pub(super) annotations: Option<Labels>,
    #[serde(borrow, rename = "startsAt")]
    pub(super) starts_at: Cow<'a, str>,
    #[serde(borrow, rename = "endsAt")]
    pub(super) ends_at: Cow<'a, str>,
    #[serde(borrow, rename = "generatorURL")]
    pub(super) generator_url: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) fingerprint: Cow<'a, str>,
}

/// At most [`MAX_ALERTS`] alerts; parsing stops at the first one beyond.
pub(super) struct WireAlerts<'a>(pub(super) Vec<WireAlert<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for WireAlerts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Alerts;

        impl<'de> Visitor<'de> for Alerts {
            type Value = Vec<WireAlert<'de>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of alerts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut alerts = Vec::new();
                while let Some(Object(alert)) = seq.next_element()? {
                    if alerts.len() == MAX_ALERTS {
                        return Err(A::Error::custom("too many alerts"));
                    }
                    alerts.push(alert);
                }
                Ok(alerts)
            }
        }

        deserializer.deserialize_seq(Alerts).map(Self)
    }
}

/// A struct parsed from an object only: serde's derived implementation also accepts an array, in
/// field order, and would accept `[]` as an alert.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}
