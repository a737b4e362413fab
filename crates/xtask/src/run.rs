//! `cargo xtask run`: from a clone to a running Tocsin.

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

/// The steps that are announced.
const STEPS: usize = 5;

/// `cargo xtask run [--port N] [--host ADDRESS] [--data-dir DIR] [--demo]`.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let options = Options::parse(arguments)?;
    let (project, binary) = build(Project::here(), &options)?;
    become_program(
        project
            .machine()
            .command(binary)
            .args(options.serve_arguments(&project)),
    )
}

/// Checks, downloads and builds. The server, the bundler and the browser program
/// are compiled beside each other: the browser program's last minute is the work
/// of a single core.
fn build(project: Project, options: &Options) -> Result<(Project, PathBuf)> {
    let steps = Steps::new(STEPS);
    let is_first = !server::was_built(&project);
    let step = steps.begin("Checking the machine");
    checks::port(options.address)?;
    checks::machine(&project, is_first)?;
    // Two starts at once would build the same, and end in the same port.
    let _building = lock(&project)?;
    checks::port(options.address)?;
    step.done("");
    if is_first {
        terminal::note("A first start compiles everything: ten to fifteen minutes on two cores");
    }

    let project = download::crates(project, &steps)?;
    frontend::check_versions(&project)?;

    let step = steps.begin("Compiling the server and the browser program");
    let (bundler, compiled) = Builds::shown(&step, |builds| compile(&project, builds))?;
    step.done("");

    let step = steps.begin("Writing the browser files");
    let outcome = frontend::bundle(&project, &bundler, &compiled)?;
    step.done(&outcome);

    let step = steps.begin("Putting them into the server");
    let built = Builds::shown(&step, |builds| {
        builds.run("the server", &mut server::program(&project))
    })?;
    step.done("");
    let took = terminal::duration(steps.elapsed());
    terminal::note(&format!("Tocsin is built ({took}) and starts now"));
    let binary = built.executable("tocsin")?;
    Ok((project, binary))
}

/// The bundler's program, and the compiled browser program. Where one build
/// fails, the other is ended.
fn compile(project: &Project, builds: &Builds) -> Result<(PathBuf, frontend::Compiled)> {
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let mut command = server::library_and_bundler(project);
            let built = builds.run("the server", &mut command);
            built.inspect_err(|_| builds.cancel())
        });
        let browser = toolchain::find(project, &Apt::new(project.machine()))
            .and_then(|toolchain| frontend::compile(project, builds, &toolchain, true))
            .inspect_err(|_| builds.cancel());
        let server = server.join().unwrap_or_else(|_| Err(gone()));
        match (server, browser) {
            (Ok(server), Ok(browser)) => Ok((server.executable("tocsin-bundler")?, browser)),
            (Err(failure), Ok(_)) | (Ok(_), Err(failure)) => Err(failure),
            // The second one was cancelled because of the first.
            (Err(server), Err(browser)) if server.is_cancelled() => Err(browser),
            (Err(server), Err(_)) => Err(server),
        }
    })
}

fn gone() -> Failure {
    Failure::new("compile the server", "Its thread ended", "Try again")
}

/// Waits until no other start builds in this folder.
fn lock(project: &Project) -> Result<File> {
    let path = project.target().join("xtask.lock");
    let file = File::create(&path).file("create", &path)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            terminal::note("Another `cargo xtask run` is building in this folder: waiting for it");
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
                    // As the user means it: relative to where they are.
                    data_dir = Some(std::path::absolute(&folder).file("find", &folder)?);
                }
                "--demo" => demo = true,
                other => return Err(Arguments::unexpected(other)),
            }
        }
        if demo && !host.is_loopback() {
            return Err(Failure::new(
                "start the demo",
                "It accepts alerts from everyone who reaches it, so it listens on loopback only",
                "Leave --host out",
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

/// Lets the server take this process's place, so that Ctrl-C and every other
/// signal reach it and its exit status is ours.
fn become_program(command: &mut Command) -> Result<()> {
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
    fn options_are_read_or_rejected() {
        assert_eq!(
            serve(&["--data-dir=/var/lib/tocsin", "--host", "::1"]),
            "serve --listen [::1]:8080 --data-dir /var/lib/tocsin"
        );
        for wrong in [&["--port", "70000"][..], &["--post", "1"], &["there"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_second_start_waits_for_the_first_ones_build() {
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
