//! The output directory: file names with content hashes, the loader, and the page.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};

use crate::{files::Files, template};

/// Number of hexadecimal digits of the hash in a file name.
const HASH_LENGTH: usize = 16;

/// Renames all files to their final names, and adds the loader and the page. `programs`
/// are the names of the programs, the default one first.
pub(crate) fn lay_out(
    programs: &[&str],
    bound: Files,
    statics: Files,
    template: &str,
) -> anyhow::Result<Files> {
    let mut files = Files::new();
    let mut urls = BTreeMap::new();
    for (name, content) in bound {
        if name.contains('/') {
            // A snippet, which the module imports by this path.
            files.insert(name, content);
            continue;
        }
        let placeholder = name.replace("_bg.wasm", ".wasm");
        let hashed = hashed_name(&name, &content);
        urls.insert(placeholder, hashed.clone());
        files.insert(hashed, content);
    }
    let start = loader(programs, &urls)?.into_bytes();
    let hashed = hashed_name("start.js", &start);
    urls.insert("start.js".to_owned(), hashed.clone());
    files.insert(hashed, start);

    for (name, content) in statics {
        let hashed = hashed_name(&name, &content);
        files.insert(hashed.clone(), content);
        ensure!(
            urls.insert(name.clone(), hashed).is_none(),
            "the static file {name} has the same name as a generated file"
        );
    }
    let page = template::fill(template, &urls)?;
    files.insert("index.html".to_owned(), page.into_bytes());
    Ok(files)
}

/// Summary of the total size, and of the size of the first page load.
pub(crate) fn sizes(programs: &[&str], files: &Files) -> String {
    let is_loaded_later = |name: &str| {
        let mut other_programs = programs.iter().skip(1);
        other_programs.any(|program| {
            name.starts_with(&format!("{program}-")) || name.starts_with(&format!("{program}_bg-"))
        })
    };
    let mut plain = 0;
    let mut first_load = 0;
    for (name, content) in files {
        if name.ends_with(".br") {
            first_load += if is_loaded_later(name) {
                0
            } else {
                content.len()
            };
        } else if !name.ends_with(".gz") {
            plain += content.len();
        }
    }
    match first_load {
        0 => format!("{} KB", plain / 1000),
        _ => format!(
            "{} KB; first load {} KB with Brotli",
            plain / 1000,
            first_load / 1000
        ),
    }
}

/// Adds the content hash to a file name: `app_bg.wasm` becomes
/// `app_bg-0123456789abcdef.wasm`.
fn hashed_name(name: &str, content: &[u8]) -> String {
    let hash = blake3::hash(content).to_hex();
    let hash = &hash[..HASH_LENGTH];
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => format!("{stem}-{hash}.{extension}"),
        _ => format!("{name}-{hash}"),
    }
}

/// The script that starts the program of the page. The import is dynamic, so that the
/// script can report the failure if a browser cannot load the module.
fn loader(programs: &[&str], urls: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let mut choice = String::new();
    for (index, program) in programs.iter().enumerate().rev() {
        let url = |extension: &str| {
            let name = format!("{program}.{extension}");
            let found = urls.get(&name);
            found.with_context(|| format!("wasm-bindgen wrote no {name}"))
        };
        let (module, wasm) = (url("js")?, url("wasm")?);
        let start = format!(r#"[() => import("./{module}"), "{wasm}"]"#);
        choice = match index {
            0 => format!("{choice}{start}"),
            _ => format!("{choice}serves(\"{program}\") ? {start} :\n  "),
        };
    }
    Ok(format!(
        r#"const root = document.documentElement;
const base = new URL(document.baseURI).pathname;
const page = location.pathname.slice(base.length).split("/", 1)[0];
const serves = (program) =>
  document.querySelector(`meta[name=${{program}}]`)?.content.split(" ").includes(page);
const [load, wasm] =
  {choice};
load()
  .then(({{ default: start }}) => start({{ module_or_path: new URL(wasm, import.meta.url) }}))
  .then(
    () => {{ root.dataset.boot = "ready"; }},
    (error) => {{ root.dataset.boot = "failed"; throw error; }},
  );
"#
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["app", "admin"];

    const TEMPLATE: &str = "<base href=\"/\">{{start.js}} {{app.js}} {{app.wasm}} {{style.css}}";

    fn file(name: &str, content: &str) -> (String, Vec<u8>) {
        (name.to_owned(), content.as_bytes().to_vec())
    }

    fn programs() -> Files {
        Files::from([
            file("app.js", "js"),
            file("app_bg.wasm", "wasm"),
            file("admin.js", "admin js"),
            file("admin_bg.wasm", "admin wasm"),
        ])
    }

    /// Content of the only file with this name prefix.
    fn text(files: &Files, prefix: &str) -> String {
        let mut found = files.iter().filter(|(name, _)| name.starts_with(prefix));
        let (_, content) = found.next().expect("a file");
        assert!(found.next().is_none());
        String::from_utf8_lossy(content).into_owned()
    }

    #[test]
    fn hashed_name_depends_on_the_content_and_keeps_the_extension() {
        let name = hashed_name("app_bg.wasm", b"one");
        assert!(
            name.starts_with("app_bg-") && name.ends_with(".wasm"),
            "{name}"
        );
        assert_eq!(name.len(), "app_bg-.wasm".len() + HASH_LENGTH);
        assert_eq!(name, hashed_name("app_bg.wasm", b"one"));
        assert_ne!(name, hashed_name("app_bg.wasm", b"two"));
        assert!(hashed_name("LICENSE", b"").starts_with("LICENSE-"));
    }

    #[test]
    fn page_refers_to_existing_files() {
        let mut bound = programs();
        bound.extend([file("snippets/a-1/inline0.js", "snippet")]);
        let statics = Files::from([file("style.css", "css")]);
        let files = lay_out(&NAMES, bound, statics, TEMPLATE).expect("lays out");
        let page = text(&files, "index.html");
        let references: Vec<_> = page.trim_start_matches(template::BASE).split(' ').collect();
        assert_eq!(references.len(), 4);
        for name in references {
            assert!(files.contains_key(name), "{name}");
        }
        assert!(files.contains_key("snippets/a-1/inline0.js"));
        assert_eq!(files.len(), 8);
    }

    #[test]
    fn loader_starts_the_program_of_the_page() {
        let files =
            lay_out(&NAMES, programs(), Files::new(), "<base href=\"/\">").expect("lays out");
        let start = text(&files, "start-");
        let [app, app_wasm, admin, admin_wasm] =
            ["app-", "app_bg-", "admin-", "admin_bg-"].map(|prefix| {
                let mut names = files.keys();
                names.find(|name| name.starts_with(prefix)).expect("a file")
            });
        assert!(
            start.contains(&format!(
                "\n  serves(\"admin\") ? [() => import(\"./{admin}\"), \"{admin_wasm}\"] :\
                 \n  [() => import(\"./{app}\"), \"{app_wasm}\"];\n"
            )),
            "{start}"
        );
    }

    #[test]
    fn loader_name_depends_on_the_program() {
        let page = |wasm: &str| {
            let mut bound = programs();
            bound.extend([file("admin_bg.wasm", wasm)]);
            let template = "<base href=\"/\">{{start.js}}";
            let files = lay_out(&NAMES, bound, Files::new(), template).expect("lays out");
            text(&files, "index.html")
        };
        assert_ne!(page("one"), page("two"));
    }

    #[test]
    fn program_without_module_is_an_error() {
        let error = lay_out(&["app", "wall"], programs(), Files::new(), template::BASE)
            .expect_err("must fail")
            .to_string();
        assert_eq!(error, "wasm-bindgen wrote no wall.js");
    }

    #[test]
    fn static_file_cannot_replace_a_generated_file() {
        let statics = Files::from([file("app.js", "mine")]);
        assert!(lay_out(&NAMES, programs(), statics, "<base href=\"/\">").is_err());
    }

    #[test]
    fn first_load_excludes_other_programs() {
        let files = |names: &[&str]| -> Files {
            let content = vec![0; 1500];
            let names = names.iter().map(|name| (*name).to_owned());
            names.map(|name| (name, content.clone())).collect()
        };
        let plain = files(&["app-1.js", "admin_bg-1.wasm"]);
        assert_eq!(sizes(&NAMES, &plain), "3 KB");
        let compressed = files(&[
            "app-1.js",
            "app-1.js.br",
            "app-1.js.gz",
            "admin-1.js",
            "admin-1.js.br",
            "admin_bg-1.wasm.br",
            "administrator-1.css.br",
        ]);
        assert_eq!(
            sizes(&NAMES, &compressed),
            "3 KB; first load 3 KB with Brotli"
        );
    }
}
