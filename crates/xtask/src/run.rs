//! `cargo xtask run`: builds everything and starts Tocsin.

use std::{
    ffi::OsString,
    fs::{File, TryLockError},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
};

use crate::{
    apt::Apt,
    arguments::Arguments,
    builds::Builds,
    checks, download,
    failure::{Failure, FileContext as _, Result},
    frontend,
    project::Project,
    server,
    terminal::{self, Steps},
    toolchain,
};

const PORT: u16 = 8080;

/// Number of announced steps.
const STEPS: usize = 5;

/// `cargo xtask run [--port N] [--host ADDRESS] [--data-dir DIR] [--demo]`.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let options = Options::parse(arguments)?;
    let (project, binary) = build(Project::here(), &options)?;
    exec(
        project
            .machine()
            .command(binary)
            .args(options.serve_arguments(&project)),
    )
}

/// Checks the machine, downloads crates and builds. The server, the bundler and the
/// frontend are compiled in parallel, because the last minute of the frontend build uses
/// only one core.
fn build(project: Project, options: &Options) -> Result<(Project, PathBuf)> {
    let steps = Steps::new(STEPS);
    let is_first = !server::was_built(&project);
    let step = steps.begin("Checking the machine");
    checks::port(options.address)?;
    checks::machine(&project, is_first)?;
    // Concurrent starts would build the same, and then listen on the same port.
    let _lock = lock(&project)?;
    checks::port(options.address)?;
    step.done("");
    if is_first {
        terminal::note("The first start compiles everything: 10 to 15 minutes on two cores");
    }

    let project = download::crates(project, &steps)?;
    frontend::check_versions(&project)?;

    let step = steps.begin("Compiling the server and the frontend");
    let (bundler, compiled) = Builds::with_progress(&step, |builds| compile(&project, builds))?;
    step.done("");

    let step = steps.begin("Writing the frontend files");
    let outcome = frontend::bundle(&project, &bundler, &compiled)?;
    step.done(&outcome);

    let step = steps.begin("Embedding them into the server");
    let built = Builds::with_progress(&step, |builds| {
        builds.run("the server", &mut server::program(&project))
    })?;
    step.done("");
    let took = terminal::duration(steps.elapsed());
    terminal::note(&format!("Tocsin is built ({took}), starting it"));
    let binary = built.executable("tocsin")?;
    Ok((project, binary))
}

/// Compiles the server, the bundler and the frontend. Returns the path of the bundler
/// and the compiled frontend. If one build fails, the other is canceled.
fn compile(project: &Project, builds: &Builds) -> Result<(PathBuf, frontend::Compiled)> {
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let mut command = server::library_and_bundler(project);
            let built = builds.run("the server", &mut command);
            built.inspect_err(|_| builds.cancel())
        });
        let frontend = toolchain::find(project, &Apt::new(project.machine()))
            .and_then(|toolchain| frontend::compile(project, builds, &toolchain, true))
            .inspect_err(|_| builds.cancel());
        let server = server.join().unwrap_or_else(|_| Err(panicked()));
        match (server, frontend) {
            (Ok(server), Ok(frontend)) => Ok((server.executable("tocsin-bundler")?, frontend)),
            (Err(failure), Ok(_)) | (Ok(_), Err(failure)) => Err(failure),
            // The canceled build is not the cause.
            (Err(server), Err(frontend)) if server.is_canceled() => Err(frontend),
            (Err(server), Err(_)) => Err(server),
        }
    })
}

fn panicked() -> Failure {
    Failure::new(
        "compile the server",
        "The build thread panicked",
        "Try again",
    )
}

/// Waits until no other `cargo xtask run` is building in this directory.
fn lock(project: &Project) -> Result<File> {
    let path = project.target().join("xtask.lock");
    let file = File::create(&path).file("create", &path)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            terminal::note("Waiting for another `cargo xtask run` in this directory");
        }
        Err(TryLockError::Error(error)) => return Err(error).file("lock", &path),
    }
    file.lock().file("lock", &path)?;
    Ok(file)
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    address: SocketAddr,
    data_dir: Option<PathBuf>,
    demo: bool,
}

impl Options {
    fn parse(mut arguments: Arguments) -> Result<Self> {
        let mut host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut port = PORT;
        let mut data_dir = None;
        let mut demo = false;
        while let Some(word) = arguments.next()? {
            match word.as_str() {
                "--port" => port = arguments.parsed("--port", "a port from 1 to 65535")?,
                "--host" => host = arguments.parsed("--host", "an IP address")?,
                "--data-dir" => {
                    let folder = PathBuf::from(arguments.value("--data-dir")?);
                    // Relative to the user's working directory.
                    data_dir = Some(std::path::absolute(&folder).file("find", &folder)?);
                }
                "--demo" => demo = true,
                other => return Err(Arguments::unexpected(other)),
            }
        }
        if demo && !host.is_loopback() {
            return Err(Failure::new(
                "start the demo",
                "The demo accepts alerts without authentication, so it only listens on loopback",
                "Remove --host",
            ));
        }
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

/// Replaces this process by the server, so that it receives signals such as Ctrl-C, and
/// the caller gets its exit status.
fn exec(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    let error = command.exec();
    Err(error).file("start", command.get_program().as_ref())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tocsin_machine::Machine;

    use super::*;

    fn parse(words: &[&str]) -> Result<Options> {
        Options::parse(Arguments::new(words.iter().map(OsString::from)))
    }

    fn serve(words: &[&str]) -> String {
        let project = Project::new(Path::new("/repo"), Machine::here());
        let arguments = parse(words).unwrap().serve_arguments(&project);
        let arguments: Vec<_> = arguments
            .iter()
            .map(|text| text.to_string_lossy())
            .collect();
        arguments.join(" ")
    }

    #[test]
    fn defaults_are_loopback_and_the_data_directory() {
        assert_eq!(
            serve(&[]),
            "serve --listen 127.0.0.1:8080 --data-dir /repo/data"
        );
    }

    #[test]
    fn demo_uses_a_separate_database_on_loopback() {
        assert_eq!(
            serve(&["--demo", "--port", "9000"]),
            "serve --listen 127.0.0.1:9000 --data-dir /repo/data-demo --demo"
        );
        assert!(parse(&["--demo", "--host", "0.0.0.0"]).is_err());
        assert!(parse(&["--demo", "--host", "::1"]).is_ok());
    }

    #[test]
    fn options_are_parsed_or_rejected() {
        assert_eq!(
            serve(&["--data-dir=/var/lib/tocsin", "--host", "::1"]),
            "serve --listen [::1]:8080 --data-dir /var/lib/tocsin"
        );
        for wrong in [&["--port", "70000"][..], &["--post", "1"], &["there"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn second_start_waits_for_the_build_of_the_first() {
        let fake = tocsin_machine::fake::FakeMachine::new();
        let project = Project::new(fake.root(), fake.machine());
        std::fs::create_dir_all(project.target()).unwrap();
        let first = lock(&project).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| lock(&project).map(drop));
            assert!(!second.is_finished());
            drop(first);
            assert_eq!(second.join().unwrap(), Ok(()));
        });
    }
}
