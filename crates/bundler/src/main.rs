//! `tocsin-bundler`: bundles the compiled frontend into `frontend/dist/`, the files that
//! the server embeds. `cargo xtask` runs it:
//!
//! ```text
//! tocsin-bundler [--release] --template FILE --static DIR --work DIR --out DIR NAME=WASM...
//! ```
//!
//! It is not part of the xtask, because its dependencies take long to compile. It is
//! built together with the server.
//!
//! # Input
//!
//! - `NAME=WASM`: a compiled program, and the name of its ES module. The first program
//!   is started on all pages except those that the template assigns to another one (see
//!   below).
//! - `--static`: a flat directory of static files (`style.css`, `theme.js`,
//!   `favicon.svg`, …). Their content is not rewritten, so a stylesheet must not refer to
//!   another file of the directory.
//! - `--template`: the HTML page, see below.
//! - `--release`: strip function names, and add compressed copies.
//!
//! # Output
//!
//! The flat directory `--out` has `index.html`, and all other files with the hash of
//! their content in the name (`app-3f9a….js`), so that browsers can cache them without
//! revalidation. Files have compressed copies `NAME.br` and `NAME.gz` if these are smaller,
//! so that the server does not compress responses itself. `wasm-bindgen` can add a
//! directory `snippets/`, whose file names also contain hashes. Unchanged files are not
//! written, so that the server is not rebuilt.
//!
//! The directory `--work` has `bound/`, the output of `wasm-bindgen`, and `dist.stamp`,
//! the hashes of the last input and output.
//!
//! Standard output is one line: `unchanged` if the stamp is current, else the file sizes.
//! Errors go to standard error, with status 1.
//!
//! # The template
//!
//! - Comments before the doctype are for developers, and not part of the page.
//! - `{{NAME}}` is replaced by the URL of a file, relative to `<base>`:
//!
//!   | placeholder      | file                                                                |
//!   | ---------------- | ------------------------------------------------------------------- |
//!   | `{{start.js}}`   | the generated loader: imports a program's module and starts it      |
//!   | `{{app.js}}`     | the module of the program `app`, for `<link rel="modulepreload">`   |
//!   | `{{app.wasm}}`   | the program `app` itself, for `<link rel="preload" as="fetch">`     |
//!   | `{{FILE}}`       | a file of the static directory by its name: `{{style.css}}`         |
//!
//!   An unknown name is an error. There are no other placeholders.
//! - The tag `<base href="/">` is required, exactly like this: all URLs are relative to
//!   it, and the server replaces it if `server.public_url` has a path prefix.
//!   `yew-router` reads the base, too.
//! - `<meta name="NAME" content="users …">` lists the pages on which the loader starts
//!   the program `NAME` instead of the first one, by the first segment of their path
//!   below the base.
//! - Inline scripts and inline event handlers are not allowed, because the content
//!   security policy is `script-src 'self' 'wasm-unsafe-eval'`. The loader and the theme
//!   script are therefore files.
//! - `<html>` has no attribute `data-boot` while the program loads. The loader sets
//!   `data-boot="ready"` when the program has started, and `data-boot="failed"` if it
//!   cannot start, so that CSS can show a message.
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

/// Updates the output directory. Returns a summary.
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
    // Development builds skip compression to save time.
    if options.release {
        compress::add_copies(&mut files)?;
    }
    files::write(&options.out, &files)?;
    stamp.write(&inputs, &files)?;
    Ok(layout::sizes(&names, &files))
}
