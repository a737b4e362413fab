//! Alerts that were sent to the wrong path: what is nearly the webhook's is taken for
//! it, and any other answer says where to send them. A sender shows its operator
//! nothing but that answer.

use actix_web::http::Uri;

use super::problem::{ApiError, ProblemKind};

const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

/// What was meant by a path that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntendedPath {
    /// The webhook.
    Webhook,
    /// The API of an Alertmanager, to which a Prometheus sends.
    Alertmanager,
}

/// What somebody meant who sends a body to a path that takes none.
pub(crate) fn meant(method: &str, path: &str) -> Option<IntendedPath> {
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

/// The webhook's path for one that differs from it by slashes only, as where a base
/// URL and a path were joined.
pub(crate) fn webhook(path: &str) -> Option<&'static str> {
    if !path.contains("//") && !path.ends_with('/') {
        return None;
    }
    let parts = |path: &'static str| path.split('/').filter(|part| !part.is_empty());
    let given = || path.split('/').filter(|part| !part.is_empty());
    [WEBHOOK, "/webhook"]
        .into_iter()
        .find(|webhook| parts(webhook).eq(given()))
}

/// The same address with another path.
pub(crate) fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let path = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // What else is in it stays, such as the host's name.
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = path.parse().ok();
    Uri::from_parts(parts).ok()
}

/// The answer, with the webhook's own address.
pub(crate) fn answer(meant: IntendedPath, path: &str, url: &str) -> ApiError {
    let detail = match meant {
        IntendedPath::Webhook => format!(
            "There is nothing at {path}. Alertmanager's webhook is {url}: set it as the url of \
             webhook_configs in alertmanager.yml."
        ),
        IntendedPath::Alertmanager => format!(
            "There is nothing at {path} to send alerts to: this is no Alertmanager. Let Prometheus \
             send to an Alertmanager (alerting.alertmanagers in prometheus.yml), and that one to \
             {url} (webhook_configs in alertmanager.yml)."
        ),
    };
    ApiError::new(ProblemKind::NotFound, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_make_no_other_webhook() {
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
    fn what_was_meant_is_seen() {
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
            assert_eq!(meant(method, path), expected, "{method} {path}");
        }
    }
}
