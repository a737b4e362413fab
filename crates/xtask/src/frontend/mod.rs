//! `cargo xtask frontend`: the browser program, from Rust to `frontend/dist/`.
//!
//! # What goes in
//!
//! - `frontend/Cargo.toml`: package `tocsin-frontend`, two binaries, its own
//!   workspace and lock file. Built for `wasm32-unknown-unknown` into
//!   `frontend/target/`, then bound by `wasm-bindgen`, an ES module each: `app`,
//!   which most people need, and `desk`, for the pages that the template names.
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
//!   | `{{start.js}}`   | the loader, made here: imports `app.js`, hands it `app.wasm`, or the same of the desk |
//!   | `{{app.js}}`     | what `wasm-bindgen` wrote, for `<link rel="modulepreload">`        |
//!   | `{{app.wasm}}`   | the program, for `<link rel="preload" as="fetch">`                 |
//!   | `{{FILE}}`       | any file of `frontend/static/`, by its name there: `{{style.css}}` |
//!
//!   An unknown name stops the build. No other substitution happens.
//! - It holds `<base href="/">`, letter for letter: all addresses are relative to
//!   it, and the server replaces that one tag when `server.public_url` has a
//!   path prefix. `yew-router` reads the base by itself.
//! - `<meta name="desk" content="users …">` names the pages, by the beginning of
//!   their path below the base, for which the loader starts the desk.
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

mod assets;
mod bind;
mod stamp;
mod template;
mod watch;

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};

use crate::{process, project::Project, say, styles, toolchain};

/// The package and its first binary.
const PACKAGE: &str = "tocsin-frontend";

/// The binaries, and what their modules are called.
const PROGRAMS: [(&str, &str); 2] = [(PACKAGE, "app"), ("desk", "desk")];

/// `cargo xtask frontend [--watch] [--release]`.
pub(crate) fn run(mut arguments: lexopt::Parser) -> anyhow::Result<()> {
    let mut release = false;
    let mut watching = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("release") => release = true,
            lexopt::Arg::Long("watch") => watching = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let project = Project::here();
    if watching {
        return watch::watch(&project, || {
            // Tailwind reads class names from the sources: they change together.
            if styles::can_build(&project) {
                styles::build(&project)?;
            }
            build(&project, release)
        });
    }
    build(&project, release)
}

/// Brings `frontend/dist/` up to date.
pub(crate) fn build(project: &Project, release: bool) -> anyhow::Result<()> {
    let frontend = project.frontend();
    ensure!(
        frontend.join("Cargo.toml").exists(),
        "there is no browser program in {}",
        frontend.display()
    );
    let toolchain = toolchain::find()?;
    if frontend.join("Cargo.lock").exists() {
        // Before the build: a minute's work would be for nothing.
        bind::check_versions(project)?;
    }

    let step = say::step(&format!(
        "Building the browser program with {}",
        toolchain.name()
    ));
    let profile = if release { "release" } else { "dev" };
    process::check(
        toolchain
            .cargo_build()
            .args(["--package", PACKAGE, "--profile", profile])
            .arg("--target-dir")
            .arg(project.frontend_target())
            .current_dir(&frontend),
    )?;
    step.done("");
    bind::check_versions(project)?;

    let folder = if release { "release" } else { "debug" };
    let built = project
        .frontend_target()
        .join(toolchain::TARGET)
        .join(folder);
    finish(project, &built, release)
}

/// Everything after the compiler: binding, names, page, compressed copies.
fn finish(project: &Project, built: &Path, release: bool) -> anyhow::Result<()> {
    let dist = project.dist();
    let template_path = project.frontend().join("index.html");
    let template = fs::read_to_string(&template_path)
        .with_context(|| format!("cannot read {}", template_path.display()))?;
    let statics = assets::read(&project.frontend().join("static"))?;
    let mut programs = Vec::new();
    for (binary, name) in PROGRAMS {
        let wasm = built.join(format!("{binary}.wasm"));
        let program = fs::read(&wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
        programs.push((name, wasm, program));
    }

    let stamp = stamp::Stamp::at(project.frontend_target().join("dist.stamp"));
    let contents = programs.iter().map(|(_, _, program)| program.as_slice());
    let inputs = stamp::inputs(release, contents, &template, &statics)?;
    if stamp.is_current(&inputs, &assets::read(&dist)?) {
        say::note("frontend/dist is up to date");
        return Ok(());
    }

    let step = say::step("Writing frontend/dist");
    let mut bound = assets::Files::new();
    for (name, wasm, _) in &programs {
        let folder = project.frontend_target().join("bound").join(name);
        bind::bind(wasm, name, &folder, release)?;
        bound.extend(assets::read(&folder)?);
    }
    let mut files = lay_out(bound, statics, &template)?;
    // While working on it, seconds count more than bytes.
    if release {
        assets::compress(&mut files)?;
    }
    assets::write(&dist, &files)?;
    stamp.write(&inputs, &files)?;
    step.done(&sizes(&files));
    Ok(())
}

/// Gives every file its final name, and makes the loader and the page.
fn lay_out(
    bound: assets::Files,
    statics: assets::Files,
    template: &str,
) -> anyhow::Result<assets::Files> {
    let mut files = assets::Files::new();
    let mut addresses = std::collections::BTreeMap::new();
    for (name, content) in bound {
        if name.contains('/') {
            // A snippet: app.js imports it by this very path.
            files.insert(name, content);
            continue;
        }
        let placeholder = name.replace("_bg.wasm", ".wasm");
        let hashed = assets::hashed_name(&name, &content);
        addresses.insert(placeholder, hashed.clone());
        files.insert(hashed, content);
    }
    let address = |name: &str| {
        let found = addresses.get(name).cloned();
        found.with_context(|| format!("wasm-bindgen wrote no {name}"))
    };
    let start = loader(
        [&address("app.js")?, &address("app.wasm")?],
        [&address("desk.js")?, &address("desk.wasm")?],
    )
    .into_bytes();
    let hashed = assets::hashed_name("start.js", &start);
    addresses.insert("start.js".to_owned(), hashed.clone());
    files.insert(hashed, start);

    for (name, content) in statics {
        let hashed = assets::hashed_name(&name, &content);
        files.insert(hashed.clone(), content);
        ensure!(
            addresses.insert(name.clone(), hashed).is_none(),
            "frontend/static/{name} has the name of a file that is made here"
        );
    }
    let page = template::fill(template, &addresses)?;
    files.insert("index.html".to_owned(), page.into_bytes());
    Ok(files)
}

/// The script that starts the program, or the desk where the address is one of
/// its pages. The import is dynamic so that a browser that cannot load it still
/// runs the line that says so.
fn loader([app, app_wasm]: [&str; 2], [desk, desk_wasm]: [&str; 2]) -> String {
    format!(
        r#"const root = document.documentElement;
const base = new URL(document.baseURI).pathname;
const page = location.pathname.slice(base.length).split("/", 1)[0];
const desk = document.querySelector("meta[name=desk]")?.content.split(" ").includes(page);
const program = desk ? "{desk_wasm}" : "{app_wasm}";
(desk ? import("./{desk}") : import("./{app}"))
  .then(({{ default: start }}) => start({{ module_or_path: new URL(program, import.meta.url) }}))
  .then(
    () => {{ root.dataset.boot = "ready"; }},
    (error) => {{ root.dataset.boot = "failed"; throw error; }},
  );
"#
    )
}

/// How large all of it is, and what a browser loads at first, in words.
fn sizes(files: &assets::Files) -> String {
    let sum = |filter: fn(&str) -> bool| -> usize {
        files
            .iter()
            .filter(|(name, _)| filter(name))
            .map(|(_, content)| content.len())
            .sum()
    };
    let raw = sum(|name| !name.ends_with(".br") && !name.ends_with(".gz"));
    match sum(|name| name.ends_with(".br") && !name.starts_with("desk")) {
        0 => format!("{} KB", raw / 1000),
        small => format!(
            "{} KB; the first load is {} KB with brotli",
            raw / 1000,
            small / 1000
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &str) -> (String, Vec<u8>) {
        (name.to_owned(), content.as_bytes().to_vec())
    }

    fn programs() -> assets::Files {
        assets::Files::from([
            file("app.js", "js"),
            file("app_bg.wasm", "wasm"),
            file("desk.js", "desk js"),
            file("desk_bg.wasm", "desk wasm"),
        ])
    }

    const TEMPLATE: &str = "<base href=\"/\">{{start.js}} {{app.js}} {{app.wasm}} {{style.css}}";

    #[test]
    fn the_page_names_files_that_are_there() {
        let mut bound = programs();
        bound.extend([file("snippets/a-1/inline0.js", "snippet")]);
        let statics = assets::Files::from([file("style.css", "css")]);
        let files = lay_out(bound, statics, TEMPLATE).expect("lays out");
        let page = String::from_utf8_lossy(&files["index.html"]).into_owned();
        let named: Vec<_> = page.trim_start_matches(template::BASE).split(' ').collect();
        assert_eq!(named.len(), 4);
        for name in named {
            assert!(files.contains_key(name), "{name}");
        }
        assert!(files.contains_key("snippets/a-1/inline0.js"));
        assert_eq!(files.len(), 8);
    }

    #[test]
    fn the_loader_changes_its_name_with_the_program() {
        let start = |wasm: &str| {
            let mut bound = programs();
            bound.extend([file("desk_bg.wasm", wasm)]);
            lay_out(bound, assets::Files::new(), "<base href=\"/\">{{start.js}}").expect("lays out")
                ["index.html"]
                .clone()
        };
        assert_ne!(start("one"), start("two"));
    }

    #[test]
    fn a_static_file_may_not_hide_a_made_one() {
        let statics = assets::Files::from([file("app.js", "mine")]);
        assert!(lay_out(programs(), statics, "<base href=\"/\">").is_err());
    }
}
