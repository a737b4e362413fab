//! Command-line options.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};

pub(crate) const USAGE: &str = "Usage: tocsin-bundler [--release] --template FILE --static DIR \
                                --work DIR --out DIR NAME=WASM...";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) release: bool,
    pub(crate) template: PathBuf,
    /// Directory of static files.
    pub(crate) statics: PathBuf,
    /// Directory of intermediate files.
    pub(crate) work: PathBuf,
    pub(crate) out: PathBuf,
    /// At least one.
    pub(crate) programs: Vec<Program>,
}

/// A compiled WebAssembly program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// Name of the ES module.
    pub(crate) name: String,
    pub(crate) wasm: PathBuf,
}

impl Options {
    pub(crate) fn parse(mut arguments: lexopt::Parser) -> anyhow::Result<Self> {
        let mut release = false;
        let [mut template, mut statics, mut work, mut out] = [const { None }; 4];
        let mut programs = Vec::new();
        while let Some(argument) = arguments.next()? {
            let path = match argument {
                lexopt::Arg::Long("release") => {
                    release = true;
                    continue;
                }
                lexopt::Arg::Value(value) => {
                    let text = value.to_str().context("a path is not valid UTF-8")?;
                    programs.push(Program::parse(text)?);
                    continue;
                }
                lexopt::Arg::Long("template") => &mut template,
                lexopt::Arg::Long("static") => &mut statics,
                lexopt::Arg::Long("work") => &mut work,
                lexopt::Arg::Long("out") => &mut out,
                other => return Err(other.unexpected().into()),
            };
            *path = Some(PathBuf::from(arguments.value()?));
        }
        ensure!(!programs.is_empty(), "NAME=WASM is required");
        Ok(Self {
            release,
            template: template.context("--template is required")?,
            statics: statics.context("--static is required")?,
            work: work.context("--work is required")?,
            out: out.context("--out is required")?,
            programs,
        })
    }
}

impl Program {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let (name, wasm) = text
            .split_once('=')
            .with_context(|| format!("expected NAME=WASM, found {text:?}"))?;
        // The name is used in file names, URLs and the loader.
        ensure!(
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()),
            "the name in {text:?} must consist of lowercase letters"
        );
        Ok(Self {
            name: name.to_owned(),
            wasm: wasm.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDERS: [&str; 8] = [
        "--template",
        "index.html",
        "--static",
        "static",
        "--work",
        "target",
        "--out",
        "dist",
    ];

    fn parse(more: &[&str]) -> anyhow::Result<Options> {
        Options::parse(lexopt::Parser::from_args(FOLDERS.iter().chain(more)))
    }

    #[test]
    fn all_options_are_parsed() {
        let options = parse(&["--release", "app=a/tocsin.wasm", "admin=b=c.wasm"]).expect("parses");
        let program = |name: &str, wasm: &str| Program {
            name: name.to_owned(),
            wasm: wasm.into(),
        };
        assert_eq!(
            options,
            Options {
                release: true,
                template: "index.html".into(),
                statics: "static".into(),
                work: "target".into(),
                out: "dist".into(),
                programs: vec![
                    program("app", "a/tocsin.wasm"),
                    program("admin", "b=c.wasm")
                ],
            }
        );
    }

    #[test]
    fn missing_and_unknown_arguments_are_errors() {
        for wrong in [
            &[][..],
            &["app.wasm"],
            &["=app.wasm"],
            &["../app=app.wasm"],
            &["app=app.wasm", "--debug"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
        let error = Options::parse(lexopt::Parser::from_args(["app=app.wasm"]))
            .expect_err("must fail")
            .to_string();
        assert_eq!(error, "--template is required");
    }
}
