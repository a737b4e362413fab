//! Alerts that are sent to a wrong path. Paths that differ from the webhook's by slashes only
//! are accepted; for others the error contains the URL of the webhook, because senders log
//! nothing but the response.

use actix_web::http::Uri;

use super::problem::{ApiError, ProblemKind};

const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

/// Presumably intended target of a request to a path that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntendedPath {
    /// The webhook.
    Webhook,
    /// The API of Alertmanager, to which Prometheus sends.
    Alertmanager,
}

/// Guesses the intended target of a POST or PUT request to a path that does not exist.
pub(crate) fn intended_path(method: &str, path: &str) -> Option<IntendedPath> {
    if !matches!(method, "POST" | "PUT") {
        return None;
    }
    let path = path.trim_end_matches('/').to_ascii_lowercase();
    if path.ends_with("/api/v2/alerts") {
        Some(IntendedPath::Alertmanager)
    } else if path.contains("webhook") || path.ends_with("/alertmanager") {
        Some(IntendedPath::Webhook)
    } else {
        None
    }
}

/// Returns the path of the webhook for a path that differs from it by slashes only, for example
/// after a base URL and a path were concatenated.
pub(crate) fn webhook(path: &str) -> Option<&'static str> {
    if !path.contains("//") && !path.ends_with('/') {
        return None;
    }
    let parts = |path: &'static str| path.split('/').filter(|part| !part.is_empty());
    let segments = || path.split('/').filter(|part| !part.is_empty());
    [WEBHOOK, "/webhook"]
        .into_iter()
        .find(|webhook| parts(webhook).eq(segments()))
}

/// Replaces the path of a URI.
pub(crate) fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let path = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // Other parts, such as the host name, are kept.
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = path.parse().ok();
    Uri::from_parts(parts).ok()
}

/// Returns a 404 with the URL of the webhook.
pub(crate) fn not_found(intended: IntendedPath, path: &str, url: &str) -> ApiError {
    let detail = match intended {
        IntendedPath::Webhook => format!(
            "No such path: {path}. The URL of the webhook is {url}. Set it in webhook_configs in \
             alertmanager.yml."
        ),
        IntendedPath::Alertmanager => format!(
            "No such path: {path}. Tocsin does not accept alerts from Prometheus directly. Configure \
             Prometheus to send alerts to Alertmanager (alerting.alertmanagers in prometheus.yml), \
             and Alertmanager to send them to {url} (webhook_configs in alertmanager.yml)."
        ),
    };
    ApiError::new(ProblemKind::NotFound, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_slashes_are_ignored() {
        for path in [
            "/api/v1/webhooks/alertmanager/",
            "//api/v1/webhooks/alertmanager",
            "/api/v1//webhooks/alertmanager",
        ] {
            assert_eq!(webhook(path), Some(WEBHOOK), "{path}");
        }
        assert_eq!(webhook("//webhook"), Some("/webhook"));
        for path in [WEBHOOK, "/", "//", "/api/v1/incidents/", "/api//v1/alerts"] {
            assert_eq!(webhook(path), None, "{path}");
        }
    }

    #[test]
    fn intended_path_is_recognized() {
        for (method, path, expected) in [
            (
                "POST",
                "/api/v1/webhook/alertmanager",
                Some(IntendedPath::Webhook),
            ),
            ("POST", "/alertmanager", Some(IntendedPath::Webhook)),
            ("POST", "/api/v2/alerts", Some(IntendedPath::Alertmanager)),
            (
                "POST",
                "/alertmanager/api/v2/alerts",
                Some(IntendedPath::Alertmanager),
            ),
            ("GET", "/api/v2/alerts", None),
            ("POST", "/api/v1/nothing", None),
        ] {
            assert_eq!(intended_path(method, path), expected, "{method} {path}");
        }
    }
}
