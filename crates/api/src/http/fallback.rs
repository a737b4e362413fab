//! What no endpoint answers: browser files, pages, and mistakes.

use std::sync::LazyLock;

use actix_web::dev::ResourceDef;
use actix_web::http::{Method, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::problem::{ApiError, Kind};
use super::state::AppState;
use super::{browser, openapi};

/// Every path there is, with the methods that it answers.
static PATHS: LazyLock<Vec<(ResourceDef, Vec<&'static str>)>> = LazyLock::new(|| {
    let described = openapi::document();
    let mut paths: Vec<_> = described
        .paths
        .paths
        .iter()
        .map(|(path, item)| {
            let methods = [
                ("GET", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ];
            let methods = methods
                .into_iter()
                .filter(|(_, there)| *there)
                .map(|(name, _)| name);
            (ResourceDef::new(path.as_str()), methods.collect())
        })
        .collect();
    for alias in ["/webhook", "/webhook/"] {
        paths.push((ResourceDef::new(alias), vec!["POST", "PUT"]));
    }
    // A fixed path is found before one with a number in it.
    paths.sort_by_key(|(path, _)| path.pattern().is_some_and(|pattern| pattern.contains('{')));
    paths
});

/// Answers a request that no endpoint took.
pub(crate) async fn answer(
    state: Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let path = request.path();
    if let Some((known, methods)) = PATHS.iter().find(|(known, _)| known.is_match(path)) {
        return Err(wrong_method(known, methods, request.method()));
    }
    if path == "/api" || path.starts_with("/api/") {
        return Err(ApiError::new(
            Kind::NotFound,
            format!("There is nothing at {path}; /docs shows what there is."),
        ));
    }
    if request.method() != Method::GET {
        return Err(
            ApiError::new(Kind::MethodNotAllowed, "Pages can only be read, with GET.")
                .with_header(header::ALLOW, "GET, HEAD"),
        );
    }
    browser::file_or_page(&state, &request)
}

fn wrong_method(known: &ResourceDef, methods: &[&str], used: &Method) -> ApiError {
    let is_webhook = known.pattern().is_some_and(|path| path.contains("webhook"));
    let detail = if is_webhook {
        "This is where Alertmanager posts to: send its webhook body (JSON, version 4) with POST, or Grafana's \
         with PUT. In alertmanager.yml: webhook_configs: [{url: \"<this address>\"}]."
            .to_owned()
    } else {
        format!("{used} does nothing here; use {}.", methods.join(", "))
    };
    ApiError::new(Kind::MethodNotAllowed, detail).with_header(header::ALLOW, methods.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_paths_come_first() {
        let methods = |path: &str| {
            PATHS
                .iter()
                .find(|(known, _)| known.is_match(path))
                .map(|(_, methods)| methods.clone())
        };
        assert_eq!(methods("/api/v1/routes/order"), Some(vec!["PUT"]));
        assert_eq!(
            methods("/api/v1/routes/7"),
            Some(vec!["GET", "PUT", "DELETE"])
        );
        assert_eq!(methods("/api/v1/incidents/acknowledge"), Some(vec!["POST"]));
        assert_eq!(methods("/webhook/"), Some(vec!["POST", "PUT"]));
        assert_eq!(methods("/api/v2/alerts"), None);
    }
}
