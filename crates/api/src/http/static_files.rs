//! Static files of the frontend, embedded in the binary with the feature `embed`.

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;

use super::problem::{ApiError, ProblemKind};
use super::state::AppState;

/// Base tag of the page template, verbatim.
const BASE: &str = "<base href=\"/\">";

/// Static files of the frontend, by name.
#[derive(Clone, Copy, Debug)]
pub struct BrowserFiles(fn(&str) -> Option<&'static [u8]>);

impl BrowserFiles {
    /// No files: the page describes how to build them.
    pub const NONE: Self = Self(|_| None);

    /// Files returned by `get`, by their path below `frontend/dist`.
    pub const fn new(get: fn(&str) -> Option<&'static [u8]>) -> Self {
        Self(get)
    }

    fn get(self, name: &str) -> Option<&'static [u8]> {
        (self.0)(name)
    }
}

/// `index.html`, with its base URL set to `prefix`.
pub(crate) fn index(files: BrowserFiles, prefix: &str) -> Bytes {
    let page = files.get("index.html").unwrap_or(PLACEHOLDER.as_bytes());
    let page = String::from_utf8_lossy(page);
    // The prefix is the path of a parsed URL, which contains no quotes.
    Bytes::from(
        page.replacen(BASE, &format!("<base href=\"{prefix}\">"), 1)
            .into_bytes(),
    )
}

/// Returns a file, or `index.html` for the URL of a page.
///
/// # Errors
/// [`ProblemKind::NotFound`] for a file that does not exist.
pub(crate) fn file_or_page(
    state: &AppState,
    request: &HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let name = request.path().trim_start_matches('/');
    if let Some(plain) = state.files.get(name).filter(|_| name != "index.html") {
        return Ok(file(state.files, name, plain, request.headers()));
    }
    let wants_page = name.is_empty()
        || name == "index.html"
        || accepts(request.headers(), &header::ACCEPT, "text/html");
    if !wants_page {
        return Err(ApiError::new(
            ProblemKind::NotFound,
            format!("No such file: {name:?}."),
        ));
    }
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(state.index.clone()))
}

/// Returns a file in the best encoding that the browser accepts. File names contain a hash of
/// the content, so files are cached without expiry.
fn file(
    files: BrowserFiles,
    name: &str,
    plain: &'static [u8],
    headers: &HeaderMap,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .content_type(content_type(name))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::VARY, "Accept-Encoding"));
    for (encoding, suffix) in [("br", "br"), ("gzip", "gz")] {
        if !accepts(headers, &header::ACCEPT_ENCODING, encoding) {
            continue;
        }
        if let Some(small) = files.get(&format!("{name}.{suffix}")) {
            return response
                .insert_header((header::CONTENT_ENCODING, HeaderValue::from_static(encoding)))
                .body(Bytes::from_static(small));
        }
    }
    response.body(Bytes::from_static(plain))
}

/// Whether a list header contains `wanted` with a quality other than 0.
fn accepts(headers: &HeaderMap, name: &header::HeaderName, wanted: &str) -> bool {
    let values = headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_named = parts
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case(wanted));
        is_named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("html") => "text/html; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Page of a build without static files.
const PLACEHOLDER: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><base href="/"><title>Tocsin</title></head>
<body>
<h1>Tocsin is running</h1>
<p>This build does not include the frontend. <code>cargo xtask run</code> builds and starts a server that does.</p>
<p>The API is available: <a href="docs/">documentation</a>, <a href="api/v1/alerts">alert log</a>,
<a href="api/v1/incidents">incidents</a>.</p>
</body>
</html>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(value))]
            .into_iter()
            .collect()
    }

    #[test]
    fn encodings_are_negotiated() {
        let accept = |value, wanted| {
            accepts(
                &headers(header::ACCEPT_ENCODING, value),
                &header::ACCEPT_ENCODING,
                wanted,
            )
        };
        assert!(accept("gzip, deflate, br", "br"));
        assert!(accept("gzip;q=0.5,BR;q=0.1", "br"));
        assert!(!accept("gzip, br;q=0", "br"));
        assert!(!accept("brotli", "br"));
    }

    #[test]
    fn best_accepted_encoding_is_sent() {
        let files = BrowserFiles::new(|name| match name {
            "app.js" => Some(b"plain"),
            "app.js.gz" => Some(b"small"),
            _ => None,
        });
        let encoding = |accepted| {
            let headers = headers(header::ACCEPT_ENCODING, accepted);
            let response = file(files, "app.js", b"plain", &headers);
            response.headers().get(header::CONTENT_ENCODING).cloned()
        };
        assert_eq!(encoding("br, gzip"), Some(HeaderValue::from_static("gzip")));
        assert_eq!(encoding("br"), None);
    }

    #[test]
    fn base_url_is_the_prefix() {
        let page = index(BrowserFiles::NONE, "/tocsin/");
        let page = String::from_utf8_lossy(&page);
        assert!(page.contains("<base href=\"/tocsin/\">"));
        assert!(!page.contains(BASE));
    }
}
