//! The browser files, which the binary has inside if it is built with the
//! feature `embed`.

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;

use super::problem::{ApiError, ProblemKind};
use super::state::AppState;

/// The tag that the page's template has, letter for letter.
const BASE: &str = "<base href=\"/\">";

/// The browser files by name.
#[derive(Clone, Copy, Debug)]
pub struct BrowserFiles(fn(&str) -> Option<&'static [u8]>);

impl BrowserFiles {
    /// No files: the page says how to build with them.
    pub const NONE: Self = Self(|_| None);

    /// The files that `get` has, by their path below `frontend/dist`.
    pub const fn new(get: fn(&str) -> Option<&'static [u8]>) -> Self {
        Self(get)
    }

    fn get(self, name: &str) -> Option<&'static [u8]> {
        (self.0)(name)
    }
}

/// The page that all views share, with its base set to `prefix`.
pub(crate) fn index(files: BrowserFiles, prefix: &str) -> Bytes {
    let page = files.get("index.html").unwrap_or(PLACEHOLDER.as_bytes());
    let page = String::from_utf8_lossy(page);
    // The prefix is a parsed URL's path: it holds no quote.
    Bytes::from(
        page.replacen(BASE, &format!("<base href=\"{prefix}\">"), 1)
            .into_bytes(),
    )
}

/// A file, or the page for addresses that views have.
///
/// # Errors
/// [`Kind::NotFound`] for a file that is not there.
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
            format!("There is no file {name:?} here."),
        ));
    }
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(state.index.clone()))
}

/// A file whose name holds the hash of its content, in the smallest form that
/// the browser takes.
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

/// Whether a list header names `wanted` and does not weigh it 0.
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

/// What a build without browser files shows instead of them.
const PLACEHOLDER: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><base href="/"><title>Tocsin</title></head>
<body>
<h1>Tocsin is running</h1>
<p>This build has no browser files. <code>cargo xtask run</code> builds the server with them and starts it.</p>
<p>The API works: <a href="docs/">its description</a>, <a href="api/v1/alerts">the alert log</a>,
<a href="api/v1/incidents">the incidents</a>.</p>
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
    fn the_smallest_accepted_form_is_sent() {
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
    fn the_base_of_the_page_is_the_prefix() {
        let page = index(BrowserFiles::NONE, "/tocsin/");
        let page = String::from_utf8_lossy(&page);
        assert!(page.contains("<base href=\"/tocsin/\">"));
        assert!(!page.contains(BASE));
    }
}
