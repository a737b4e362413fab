//! What no endpoint answers: browser files, pages, and mistakes.

use actix_web::http::{Method, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::problem::{ApiError, ProblemKind};
use super::state::AppState;
use super::{policy, static_files};

/// Answers a request that no endpoint took.
pub(crate) async fn answer(
    state: Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    // In the table, and yet no handler took it: a number that is none.
    let path = request.match_info().get_ref().path();
    if !matches!(policy::target("GET", path), policy::Target::Page) {
        return Err(nothing_at(path));
    }
    if request.method() != Method::GET {
        return Err(ApiError::new(
            ProblemKind::MethodNotAllowed,
            "Pages can only be read, with GET.",
        )
        .with_header(header::ALLOW, "GET, HEAD"));
    }
    static_files::file_or_page(&state, &request)
}

/// There is no such path.
pub(crate) fn nothing_at(path: &str) -> ApiError {
    ApiError::new(
        ProblemKind::NotFound,
        format!("There is nothing at {path}; /docs shows what there is."),
    )
}

/// A path of the table was asked for with a method that it does not answer.
pub(crate) fn wrong_method(path: &str, used: &Method) -> ApiError {
    let methods = policy::methods(path);
    let detail = if path.contains("webhook") {
        "This is where Alertmanager posts to: send its webhook body (JSON, version 4) with POST, or Grafana's \
         with PUT. In alertmanager.yml: webhook_configs: [{url: \"<this address>\"}]."
            .to_owned()
    } else {
        format!("{used} does nothing here; use {}.", methods.join(", "))
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
    fn a_wrong_method_is_told_the_right_ones() {
        for (path, allowed) in [
            ("/api/v1/routes/order", "PUT"),
            ("/api/v1/routes/{id}", "GET, PUT, DELETE, HEAD"),
            ("/webhook/", "POST, PUT"),
        ] {
            let answer = wrong_method(path, &Method::PATCH).error_response();
            assert_eq!(answer.headers().get(header::ALLOW).unwrap(), allowed);
        }
    }
}
