//! `cargo xtask run`: from a clone to a running Tocsin.

use std::{
    ffi::OsString,
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use lexopt::ValueExt as _;

use crate::{frontend, project::Project, say, server};

const PORT: u16 = 8080;

/// `cargo xtask run [--port N] [--host ADDRESS] [--data-dir DIR] [--demo]`.
pub(crate) fn run(arguments: lexopt::Parser) -> anyhow::Result<()> {
    let options = Options::parse(arguments)?;
    // At once: a first build takes minutes.
    check_port(options.address)?;

    let project = Project::here();
    let step =
        say::step("Preparing Tocsin: a first start takes some minutes, the next ones seconds");
    let binary = build(&project)?;
    step.done("");
    become_program(Command::new(binary).args(options.serve_arguments(&project)))
}

/// Builds the browser files and the server around them.
///
/// At a first start, what the server is made of is compiled beside the browser
/// program, whose last minute is the work of a single core.
fn build(project: &Project) -> anyhow::Result<PathBuf> {
    let beside = if server::release_binary(project).exists() {
        None
    } else {
        Some(server::start_dependencies(project)?)
    };
    frontend::build(project, true)?;
    if let Some(dependencies) = beside {
        dependencies.wait()?;
    }
    server::build_release(project)
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    address: SocketAddr,
    data_dir: Option<PathBuf>,
    demo: bool,
}

impl Options {
    fn parse(mut arguments: lexopt::Parser) -> anyhow::Result<Self> {
        let mut host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut port = PORT;
        let mut data_dir = None;
        let mut demo = false;
        while let Some(argument) = arguments.next()? {
            match argument {
                lexopt::Arg::Long("port") => {
                    port = arguments.value()?.parse().context("--port")?;
                }
                lexopt::Arg::Long("host") => {
                    host = arguments.value()?.parse().context("--host")?;
                }
                lexopt::Arg::Long("data-dir") => {
                    let folder = PathBuf::from(arguments.value()?);
                    // As the user means it: relative to where they are.
                    data_dir = Some(std::path::absolute(folder).context("--data-dir")?);
                }
                lexopt::Arg::Long("demo") => demo = true,
                other => return Err(other.unexpected().into()),
            }
        }
        ensure!(
            !demo || host.is_loopback(),
            "a demo takes in alerts from everyone who reaches it, so it listens on loopback only"
        );
        Ok(Self {
            address: SocketAddr::new(host, port),
            data_dir,
            demo,
        })
    }

    fn serve_arguments(&self, project: &Project) -> Vec<OsString> {
        let data = if self.demo { "data-demo" } else { "data" };
        let data_dir = self.data_dir.clone().unwrap_or_else(|| project.join(data));
        let mut arguments: Vec<OsString> = vec![
            "serve".into(),
            "--listen".into(),
            self.address.to_string().into(),
            "--data-dir".into(),
            data_dir.into(),
        ];
        if self.demo {
            arguments.push("--demo".into());
        }
        arguments
    }
}

/// Fails when the server could not listen there.
fn check_port(address: SocketAddr) -> anyhow::Result<()> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
            "something else listens on {address} already; stop it, or choose another port: cargo xtask run --port {}",
            address.port().checked_add(1).unwrap_or(PORT)
        ),
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

/// Lets the server take this process's place, so that Ctrl-C and every other
/// signal reach it and its exit status is ours.
#[cfg(unix)]
fn become_program(command: &mut Command) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt as _;
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start {}", command.get_program().display()))
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> anyhow::Result<()> {
    crate::process::check(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> anyhow::Result<Options> {
        Options::parse(lexopt::Parser::from_args(arguments))
    }

    fn serve(arguments: &[&str]) -> String {
        let project = Project::at("/repo".as_ref());
        let arguments = parse(arguments).expect("parses").serve_arguments(&project);
        let arguments: Vec<_> = arguments
            .iter()
            .map(|text| text.to_string_lossy())
            .collect();
        arguments.join(" ")
    }

    #[test]
    fn without_options_it_is_loopback_and_the_data_folder() {
        assert_eq!(
            serve(&[]),
            "serve --listen 127.0.0.1:8080 --data-dir /repo/data"
        );
    }

    #[test]
    fn the_demo_has_a_database_of_its_own() {
        assert_eq!(
            serve(&["--demo", "--port", "9000"]),
            "serve --listen 127.0.0.1:9000 --data-dir /repo/data-demo --demo"
        );
        assert!(parse(&["--demo", "--host", "0.0.0.0"]).is_err());
        assert!(parse(&["--demo", "--host", "::1"]).is_ok());
    }

    #[test]
    fn options_are_read_or_refused() {
        assert_eq!(
            serve(&["--data-dir=/var/lib/tocsin", "--host", "::1"]),
            "serve --listen [::1]:8080 --data-dir /var/lib/tocsin"
        );
        for wrong in [&["--port", "70000"][..], &["--post", "1"], &["there"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_busy_port_is_refused_with_the_way_out() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("its address");
        let error = check_port(address).expect_err("is taken").to_string();
        assert!(error.contains("--port"), "{error}");
        drop(taken);
        assert!(check_port(address).is_ok());
    }
}
