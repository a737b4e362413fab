//! Requests without an endpoint: static files, pages and errors.

use actix_web::http::{Method, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::problem::{ApiError, ProblemKind};
use super::state::AppState;
use super::{policy, static_files};

/// Handles a request without an endpoint.
pub(crate) async fn handle(
    state: Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    // A path of the table that matches no handler has an invalid ID.
    let path = request.match_info().get_ref().path();
    if !matches!(policy::target("GET", path), policy::Target::Page) {
        return Err(no_such_path(path));
    }
    if request.method() != Method::GET {
        return Err(
            ApiError::new(ProblemKind::MethodNotAllowed, "Pages support GET only.")
                .with_header(header::ALLOW, "GET, HEAD"),
        );
    }
    static_files::file_or_page(&state, &request)
}

/// 404 for a path that does not exist.
pub(crate) fn no_such_path(path: &str) -> ApiError {
    ApiError::new(
        ProblemKind::NotFound,
        format!("No such path: {path}. See /docs for the API."),
    )
}

/// 405 for a path that does not support the method.
pub(crate) fn wrong_method(path: &str, used: &Method) -> ApiError {
    let methods = policy::methods(path);
    let detail = if path.contains("webhook") {
        "This is the webhook for Alertmanager (POST) and Grafana (POST or PUT). Set this URL in alertmanager.yml: \
         webhook_configs: [{url: \"<this URL>\"}]."
            .to_owned()
    } else {
        format!("{used} is not supported. Use {}.", methods.join(", "))
    };
    let mut allowed = methods;
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    ApiError::new(ProblemKind::MethodNotAllowed, detail)
        .with_header(header::ALLOW, allowed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::ResponseError;

    #[test]
    fn allow_lists_the_supported_methods() {
        for (path, allowed) in [
            ("/api/v1/routes/order", "PUT"),
            ("/api/v1/routes/{id}", "GET, PUT, DELETE, HEAD"),
            ("/webhook/", "POST, PUT"),
        ] {
            let response = wrong_method(path, &Method::PATCH).error_response();
            assert_eq!(response.headers().get(header::ALLOW).unwrap(), allowed);
        }
    }
}
