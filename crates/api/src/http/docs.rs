//! Swagger UI, embedded in the binary.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::Path;
use actix_web::{HttpResponse, get};
use utoipa_swagger_ui::Config;

use super::problem::{ApiError, ProblemKind};

/// Redirects to a relative URL, which works behind a path prefix.
#[get("/docs")]
async fn redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, "docs/"))
        .finish()
}

#[get("/docs/{file:.*}")]
async fn page(file: Path<String>) -> Result<HttpResponse, ApiError> {
    let config = Arc::new(Config::from("../openapi.json"));
    let found = utoipa_swagger_ui::serve(&file, config)
        .map_err(|error| ApiError::internal(error.as_ref()))?
        .ok_or_else(|| ApiError::new(ProblemKind::NotFound, format!("No such file: {file:?}.")))?;
    let mut response = HttpResponse::Ok();
    if found.gzpipped {
        response.insert_header(header::ContentEncoding::Gzip);
    }
    Ok(response
        .content_type(found.content_type)
        .body(found.bytes.into_owned()))
}
