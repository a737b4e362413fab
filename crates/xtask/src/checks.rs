//! What is checked before anything is downloaded, built or installed: the things
//! that would otherwise end a first start after minutes.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use tocsin_machine::Machine;

use crate::{
    failure::{Failure, FileContext as _, Result},
    project::Project,
    terminal,
};

/// What a first start takes of the disk, in MB: the two build folders (1,850 were
/// measured on Debian 12 with the toolchain of its packages) and what cargo downloads
/// (520). What apt installs besides (see `toolchain.rs`) is on the system's disk.
const BUILD_MB: u64 = 2_500;
const DOWNLOADS_MB: u64 = 600;

/// What the compilers take of memory at once, in MB, measured on two cores.
const MEMORY_MB: u64 = 2_000;

/// All of it, for a build that starts from nothing where `is_first`.
pub(crate) fn machine(project: &Project, is_first: bool) -> Result<()> {
    writable_build_folder(project)?;
    c_compiler(project)?;
    wrapper(project.machine())?;
    if is_first {
        disk(project)?;
        memory();
    }
    Ok(())
}

/// The folder that everything is built in exists and takes files.
fn writable_build_folder(project: &Project) -> Result<()> {
    for folder in [project.target(), project.frontend_target()] {
        fs::create_dir_all(&folder).file("create the build folder", &folder)?;
        let file = folder.join(".writable");
        fs::write(&file, "").file("write to the build folder", &folder)?;
        fs::remove_file(&file).file("write to the build folder", &folder)?;
    }
    Ok(())
}

/// SQLite, zstd and others are compiled from C.
fn c_compiler(project: &Project) -> Result<()> {
    let machine = project.machine();
    let folder = project.target().join("c-check");
    fs::create_dir_all(&folder).file("create", &folder)?;
    let source = folder.join("check.c");
    fs::write(
        &source,
        "#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n",
    )
    .file("write", &source)?;
    let compiler = machine.variable("CC").unwrap_or("cc".as_ref());
    // It may hold arguments, as in `CC="ccache gcc"`.
    let mut words = compiler.to_str().unwrap_or("cc").split_whitespace();
    let mut command = machine.command(words.next().unwrap_or("cc"));
    command
        .args(words)
        .args(["-c", "check.c", "-o", "check.o"])
        .current_dir(&folder);
    match machine.output(&mut command) {
        Ok(_) => Ok(()),
        Err(failed) => Err(Failure::new(
            "compile a C program, which SQLite is",
            failed.to_string(),
            "Install a C compiler (on Debian as root: `apt-get update && apt-get install gcc libc6-dev`), or correct the variable CC",
        )),
    }
}

/// A wrapper of the compiler that the user's environment names.
fn wrapper(machine: &Machine) -> Result<()> {
    for name in ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        let Some(wrapper) = machine.variable(name) else {
            continue;
        };
        let is_there = Path::new(wrapper).is_file()
            || wrapper
                .to_str()
                .is_some_and(|name| machine.find(name).is_some());
        if !is_there {
            return Err(Failure::new(
                "use the compiler's wrapper",
                format!("{name} names {}, which is not installed", wrapper.display()),
                format!("Install it, or unset {name}"),
            ));
        }
    }
    Ok(())
}

fn disk(project: &Project) -> Result<()> {
    let home = cargo_home(project.machine());
    let folders = [(project.target(), BUILD_MB), (home, DOWNLOADS_MB)];
    // Of one disk, both are needed.
    let disks: Vec<_> = folders
        .iter()
        .filter_map(|(folder, needed)| Some((free_space(project.machine(), folder)?, needed)))
        .collect();
    for (space, _) in &disks {
        let needed: u64 = disks
            .iter()
            .filter(|(other, _)| other.disk == space.disk)
            .map(|(_, needed)| **needed)
            .sum();
        if space.free_mb < needed {
            return Err(Failure::new(
                "start a first build",
                format!(
                    "The disk of {} has {} MB free, and a first build needs {needed} MB there",
                    space.folder.display(),
                    space.free_mb
                ),
                "Free some space, or let CARGO_TARGET_DIR name a folder on another disk",
            ));
        }
    }
    Ok(())
}

/// Where cargo keeps its downloads.
pub(crate) fn cargo_home(machine: &Machine) -> PathBuf {
    let named = machine.variable("CARGO_HOME").map(PathBuf::from);
    let home = machine.variable("HOME").unwrap_or("/root".as_ref());
    named.unwrap_or_else(|| Path::new(home).join(".cargo"))
}

#[derive(Debug)]
struct Space {
    folder: PathBuf,
    disk: String,
    free_mb: u64,
}

/// The disk of a folder, or of the nearest one above that exists.
fn free_space(machine: &Machine, folder: &Path) -> Option<Space> {
    let existing = folder.ancestors().find(|path| path.exists())?;
    let text = machine
        .output(machine.command("df").arg("-Pk").arg(existing))
        .ok()?;
    // Filesystem 1024-blocks Used Available Capacity Mounted-on, and its values.
    let mut values = text.lines().nth(1)?.split_whitespace();
    let disk = values.next()?.to_owned();
    let free_kb: u64 = values.nth(2)?.parse().ok()?;
    Some(Space {
        folder: existing.to_owned(),
        disk,
        free_mb: free_kb / 1024,
    })
}

/// Little memory is no reason to stop: there may be swap.
fn memory() {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok())
        .map(|kb| kb / 1024);
    if let Some(available) = available.filter(|available| *available < MEMORY_MB) {
        terminal::note(&format!(
            "{available} MB of memory are available and the compilers take up to {MEMORY_MB}: if the build is ended by the system, put CARGO_BUILD_JOBS=1 in front of the command"
        ));
    }
}

/// Fails when the server could not listen there, and says who does.
pub(crate) fn port(address: SocketAddr) -> Result<()> {
    let Err(error) = TcpListener::bind(address) else {
        return Ok(());
    };
    let tried = format!("listen on {address}");
    if error.kind() == std::io::ErrorKind::AddrInUse {
        let who = listener(address.port()).map_or_else(
            || "Another program".to_owned(),
            |(name, pid)| format!("The program {name} (process {pid})"),
        );
        let other = address.port().checked_add(1).unwrap_or(8080);
        return Err(Failure::new(
            tried,
            format!("{who} listens there already"),
            format!("Stop it, or choose another port: `cargo xtask run --port {other}`"),
        ));
    }
    Err(Failure::new(
        tried,
        format!("The system says: {error}"),
        "Choose another address with --host, or a port above 1023 with --port",
    ))
}

/// The name and ID of the process that listens on a port, where this user may see
/// it.
fn listener(port: u16) -> Option<(String, u32)> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let descriptors = fs::read_dir(process.path().join("fd")).ok()?;
        let holds = descriptors.flatten().any(|descriptor| {
            let target = fs::read_link(descriptor.path()).unwrap_or_default();
            sockets.iter().any(|socket| target == Path::new(socket))
        });
        let name = fs::read_to_string(process.path().join("comm")).ok()?;
        holds.then(|| (name.trim().to_owned(), pid))
    })
}

/// The inodes of sockets that listen on a port, of a table in `/proc/net`.
fn listening(table: &str, port: u16) -> Vec<String> {
    let local = format!(":{port:04X}");
    table
        .lines()
        .filter_map(|line| {
            let columns: Vec<_> = line.split_whitespace().collect();
            // 0A is the state LISTEN.
            let is_it = columns.get(1)?.ends_with(&local) && *columns.get(3)? == "0A";
            is_it.then(|| columns.get(9).map(|inode| (*inode).to_owned()))?
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use tocsin_machine::fake::FakeMachine;

    use super::*;

    fn fake() -> FakeMachine {
        FakeMachine::new().script("/usr/bin/cc", "exit 0").script(
            "/usr/bin/df",
            "echo Filesystem; echo '/dev/vda 9000000 1 8000000 1% /'",
        )
    }

    fn check(fake: &FakeMachine, machine: Machine) -> Result<()> {
        super::machine(&Project::new(fake.root(), machine), true)
    }

    #[test]
    fn a_machine_that_has_everything_passes() {
        let fake = fake();
        assert_eq!(check(&fake, fake.machine()), Ok(()));
    }

    #[test]
    fn too_little_disk_is_said_with_what_is_needed() {
        let fake = fake().script(
            "/usr/bin/df",
            "echo Filesystem; echo '/dev/vda 9000000 1 1024000 99% /'",
        );
        let failure = check(&fake, fake.machine()).unwrap_err().to_string();
        assert!(failure.contains("has 1000 MB free"), "{failure}");
        let needed = format!("needs {} MB", BUILD_MB + DOWNLOADS_MB);
        assert!(failure.contains(&needed), "{failure}");
    }

    #[test]
    fn a_missing_c_compiler_is_named_with_its_package() {
        let fake = FakeMachine::new();
        let failure = check(&fake, fake.machine()).unwrap_err().to_string();
        assert!(
            failure.contains("apt-get install gcc libc6-dev"),
            "{failure}"
        );
    }

    #[test]
    fn a_compiler_without_its_headers_is_no_c_compiler() {
        let fake = fake().script(
            "/usr/bin/cc",
            "echo 'stdlib.h: No such file or directory' >&2; exit 1",
        );
        let failure = check(&fake, fake.machine()).unwrap_err().to_string();
        assert!(failure.contains("stdlib.h"), "{failure}");
    }

    #[test]
    fn a_wrapper_that_is_not_there_is_named() {
        let fake = fake();
        let machine = fake.machine().with("RUSTC_WRAPPER", "sccache");
        let failure = check(&fake, machine).unwrap_err().to_string();
        assert!(failure.contains("RUSTC_WRAPPER names sccache"), "{failure}");
        let fake = fake.prints("sccache", "");
        let machine = fake.machine().with("RUSTC_WRAPPER", "sccache");
        assert_eq!(check(&fake, machine), Ok(()));
    }

    #[test]
    fn a_build_folder_that_cannot_be_written_is_named() {
        let fake = fake().file("file", "");
        let path = fake.root().join("file/target");
        let machine = fake.machine().with("CARGO_TARGET_DIR", path.as_os_str());
        let failure = check(&fake, machine).unwrap_err().to_string();
        assert!(failure.contains("build folder"), "{failure}");
    }

    #[test]
    fn a_busy_port_is_refused_with_its_owner_and_the_way_out() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = port(address).unwrap_err().to_string();
        assert!(error.contains("--port"), "{error}");
        let me = format!("(process {})", std::process::id());
        assert!(error.contains(&me), "{error}");
        drop(taken);
        assert_eq!(port(address), Ok(()));
    }
}
