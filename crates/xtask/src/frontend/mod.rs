//! `cargo xtask frontend`: the browser program, from Rust to `frontend/dist/`.
//!
//! # What goes in
//!
//! - `frontend/Cargo.toml`: package `tocsin-frontend`, a binary, its own
//!   workspace and lock file. Built for `wasm32-unknown-unknown` into
//!   `frontend/target/`, then bound by `wasm-bindgen` as an ES module.
//! - `frontend/static/*`: files served as they are (`style.css`, `theme.js`,
//!   `favicon.svg`, …). A flat folder; nothing in them is rewritten, so a
//!   stylesheet must not name another file of the folder.
//! - `frontend/index.html`: the page's template, see below.
//!
//! # What comes out
//!
//! `frontend/dist/`, flat: `index.html`, and every other file under a name that
//! holds the hash of its content (`app-3f9a….js`), so that it may be cached for
//! ever while `index.html` may not. Beside each file that shrinks lie its
//! compressed copies `NAME.br` and `NAME.gz`, made here and not per request.
//! (`wasm-bindgen` may add a folder `snippets/`, whose names are hashed too.)
//!
//! # The template
//!
//! - A comment before the doctype is for people and does not reach the page.
//! - `{{NAME}}` becomes the address of a file, relative to `<base>`:
//!
//!   | placeholder      | stands for                                                         |
//!   | ---------------- | ------------------------------------------------------------------ |
//!   | `{{start.js}}`   | the loader, made here: imports `app.js`, hands it `app.wasm`       |
//!   | `{{app.js}}`     | what `wasm-bindgen` wrote, for `<link rel="modulepreload">`        |
//!   | `{{app.wasm}}`   | the program, for `<link rel="preload" as="fetch">`                 |
//!   | `{{FILE}}`       | any file of `frontend/static/`, by its name there: `{{style.css}}` |
//!
//!   An unknown name stops the build. No other substitution happens.
//! - It holds `<base href="/">`, letter for letter: all addresses are relative to
//!   it, and the server replaces that one tag when `server.public_url` has a
//!   path prefix. `yew-router` reads the base by itself.
//! - No inline script and no inline event handler: the content security policy
//!   is `script-src 'self' 'wasm-unsafe-eval'`. Hence the loader is a file, and so
//!   is the theme script.
//! - While the program loads, `<html>` has no attribute `data-boot`; the loader
//!   sets `data-boot="ready"` once the program has started, and
//!   `data-boot="failed"` when it cannot (for a message that plain CSS reveals).
//!
//! The least that a template needs:
//!
//! ```html
//! <!doctype html>
//! <html lang="en">
//!   <head>
//!     <meta charset="utf-8">
//!     <base href="/">
//!     <title>Tocsin</title>
//!     <link rel="stylesheet" href="{{style.css}}">
//!     <script src="{{theme.js}}"></script>
//!     <link rel="preload" href="{{app.wasm}}" as="fetch" type="application/wasm" crossorigin>
//!     <link rel="modulepreload" href="{{app.js}}">
//!     <script type="module" src="{{start.js}}"></script>
//!   </head>
//!   <body></body>
//! </html>
//! ```
