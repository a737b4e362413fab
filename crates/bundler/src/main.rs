//! `tocsin-bundler`: turns the compiled browser program into `frontend/dist/`,
//! the files that the server embeds. `cargo xtask` calls it:
//!
//! ```text
//! tocsin-bundler [--release] --template FILE --static DIR --work DIR --out DIR NAME=WASM...
//! ```
//!
//! It is a program apart from the xtask because it needs libraries that take
//! longer to compile than the xtask may, and so is built beside the server.
//!
//! # Input
//!
//! - `NAME=WASM`: a program as the compiler wrote it, and the name of its ES
//!   module. The first one is started on all pages except those that the
//!   template assigns to another one (see below).
//! - `--static`: a flat folder of files that are served as they are
//!   (`style.css`, `theme.js`, `favicon.svg`, …). Their content is not rewritten,
//!   so a stylesheet must not refer to another file of the folder.
//! - `--template`: the HTML page, see below.
//! - `--release`: without names of functions, and with compressed copies.
//!
//! # Output
//!
//! The folder `--out`, flat: `index.html`, and every other file under a name that
//! contains the hash of its content (`app-3f9a….js`), so that browsers may cache
//! it for ever, unlike `index.html`. Each file that shrinks has compressed copies
//! `NAME.br` and `NAME.gz` beside it, so that the server does not compress for
//! each request. `wasm-bindgen` may add a folder `snippets/`, whose names contain
//! hashes too. Unchanged files are not touched, so that a build of the server
//! does not embed them again.
//!
//! The folder `--work` keeps `bound/`, the output of `wasm-bindgen`, and
//! `dist.stamp`, the hashes of the last input and output.
//!
//! Standard output is one line: `unchanged` if the stamp is current, else the
//! sizes. Errors go to standard error, with status 1.
//!
//! # The template
//!
//! - Comments before the doctype are for developers and are left out of the page.
//! - `{{NAME}}` is replaced by the URL of a file, relative to `<base>`:
//!
//!   | placeholder      | file                                                                |
//!   | ---------------- | ------------------------------------------------------------------- |
//!   | `{{start.js}}`   | the loader, generated here: imports a program's module and starts it |
//!   | `{{app.js}}`     | the module of the program `app`, for `<link rel="modulepreload">`   |
//!   | `{{app.wasm}}`   | the program `app` itself, for `<link rel="preload" as="fetch">`     |
//!   | `{{FILE}}`       | a file of the static folder by its name there: `{{style.css}}`      |
//!
//!   An unknown name is an error. Nothing else is substituted.
//! - It contains exactly `<base href="/">`: all URLs are relative to it, and the
//!   server replaces that one tag if `server.public_url` has a path prefix.
//!   `yew-router` reads the base too.
//! - `<meta name="NAME" content="users …">` lists the pages, by the first segment
//!   of their path below the base, on which the loader starts the program `NAME`
//!   instead of the first one.
//! - No inline scripts and no inline event handlers: the content security policy
//!   is `script-src 'self' 'wasm-unsafe-eval'`. Hence the loader and the theme
//!   script are files.
//! - `<html>` has no attribute `data-boot` while the program loads; the loader
//!   sets `data-boot="ready"` once the program has started, and
//!   `data-boot="failed"` if it cannot start (for a message that CSS shows).
//!
//! A minimal template:
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

mod bind;
mod compress;
mod files;
mod layout;
mod options;
mod stamp;
mod template;

use std::{fs, process::ExitCode};

use anyhow::Context as _;

use files::Files;
use options::Options;
use stamp::Stamp;

fn main() -> ExitCode {
    let options = match Options::parse(lexopt::Parser::from_env()) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("tocsin-bundler: {error:#}\n{}", options::USAGE);
            return ExitCode::FAILURE;
        }
    };
    match bundle(&options) {
        Ok(outcome) => {
            println!("{outcome}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tocsin-bundler: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Brings the output folder up to date, and says what came of it.
fn bundle(options: &Options) -> anyhow::Result<String> {
    let template = fs::read_to_string(&options.template)
        .with_context(|| format!("cannot read {}", options.template.display()))?;
    let statics = files::read(&options.statics)?;
    let mut programs = Vec::new();
    for program in &options.programs {
        let content = fs::read(&program.wasm)
            .with_context(|| format!("cannot read {}", program.wasm.display()))?;
        programs.push((program.name.as_str(), content));
    }
    fs::create_dir_all(&options.work)
        .with_context(|| format!("cannot create {}", options.work.display()))?;

    let stamp = Stamp::at(options.work.join("dist.stamp"));
    let inputs = stamp::inputs(options.release, &programs, &template, &statics)?;
    if stamp.is_current(&inputs, &files::read(&options.out)?) {
        return Ok("unchanged".to_owned());
    }

    let mut bound = Files::new();
    for program in &options.programs {
        let folder = options.work.join("bound").join(&program.name);
        bind::bind(program, &folder, options.release)?;
        bound.extend(files::read(&folder)?);
    }
    let names: Vec<_> = programs.iter().map(|(name, _)| *name).collect();
    let mut files = layout::lay_out(&names, bound, statics, &template)?;
    // During development, build time matters more than size.
    if options.release {
        compress::add_copies(&mut files)?;
    }
    files::write(&options.out, &files)?;
    stamp.write(&inputs, &files)?;
    Ok(layout::sizes(&names, &files))
}
