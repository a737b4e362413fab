//! Checks that run before anything is downloaded, built or installed, for problems
//! that would otherwise fail the first start after minutes.

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

/// Disk space for a first start, in MB: the two build directories (1,850 measured on
/// Debian 12 with its packaged toolchain) and cargo's downloads (520 measured). Packages
/// installed by apt (see `toolchain.rs`) are not included.
const BUILD_MB: u64 = 2_500;
const DOWNLOADS_MB: u64 = 600;

/// Peak memory of the compilers in MB, measured on two cores.
const MEMORY_MB: u64 = 2_000;

/// Runs all checks of the machine. Disk space and memory are only checked for the first
/// build.
pub(crate) fn machine(project: &Project, is_first: bool) -> Result<()> {
    build_directory_is_writable(project)?;
    c_compiler(project)?;
    compiler_wrapper(project.machine())?;
    if is_first {
        disk(project)?;
        memory();
    }
    Ok(())
}

/// Creates the build directories and checks that they are writable.
fn build_directory_is_writable(project: &Project) -> Result<()> {
    for folder in [project.target(), project.frontend_target()] {
        fs::create_dir_all(&folder).file("create the build directory", &folder)?;
        let file = folder.join(".writable");
        fs::write(&file, "").file("write to the build directory", &folder)?;
        fs::remove_file(&file).file("write to the build directory", &folder)?;
    }
    Ok(())
}

/// Checks the C compiler: SQLite, zstd and others are compiled from C.
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
    // Can include arguments, as in `CC="ccache gcc"`.
    let mut words = compiler.to_str().unwrap_or("cc").split_whitespace();
    let mut command = machine.command(words.next().unwrap_or("cc"));
    command
        .args(words)
        .args(["-c", "check.c", "-o", "check.o"])
        .current_dir(&folder);
    match machine.output(&mut command) {
        Ok(_) => Ok(()),
        Err(failed) => Err(Failure::new(
            "compile a C program, as required for SQLite",
            failed.to_string(),
            "Install a C compiler (on Debian as root: `apt-get update && apt-get install gcc libc6-dev`), or fix the environment variable CC",
        )),
    }
}

/// Checks that the compiler wrapper set in the environment is installed.
fn compiler_wrapper(machine: &Machine) -> Result<()> {
    for name in ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        let Some(wrapper) = machine.variable(name) else {
            continue;
        };
        let exists = Path::new(wrapper).is_file()
            || wrapper
                .to_str()
                .is_some_and(|name| machine.find(name).is_some());
        if !exists {
            return Err(Failure::new(
                "use the compiler wrapper",
                format!(
                    "{name} is set to {}, which is not installed",
                    wrapper.display()
                ),
                format!("Install it, or unset {name}"),
            ));
        }
    }
    Ok(())
}

fn disk(project: &Project) -> Result<()> {
    let home = cargo_home(project.machine());
    let folders = [(project.target(), BUILD_MB), (home, DOWNLOADS_MB)];
    // If both are on the same disk, it needs space for both.
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
                    "The disk of {} has {} MB free, and a first build needs {needed} MB",
                    space.folder.display(),
                    space.free_mb
                ),
                "Free some space, or set CARGO_TARGET_DIR to a directory on another disk",
            ));
        }
    }
    Ok(())
}

/// Cargo's home directory, which has its downloads.
pub(crate) fn cargo_home(machine: &Machine) -> PathBuf {
    let configured = machine.variable("CARGO_HOME").map(PathBuf::from);
    let home = machine.variable("HOME").unwrap_or("/root".as_ref());
    configured.unwrap_or_else(|| Path::new(home).join(".cargo"))
}

#[derive(Debug)]
struct Space {
    folder: PathBuf,
    disk: String,
    free_mb: u64,
}

/// Free space on the disk of a directory, or of its nearest existing ancestor.
fn free_space(machine: &Machine, folder: &Path) -> Option<Space> {
    let existing = folder.ancestors().find(|path| path.exists())?;
    let text = machine
        .output(machine.command("df").arg("-Pk").arg(existing))
        .ok()?;
    // Header line, then: Filesystem 1024-blocks Used Available Capacity Mounted-on.
    let mut values = text.lines().nth(1)?.split_whitespace();
    let disk = values.next()?.to_owned();
    let free_kb: u64 = values.nth(2)?.parse().ok()?;
    Some(Space {
        folder: existing.to_owned(),
        disk,
        free_mb: free_kb / 1024,
    })
}

/// Warns about low memory. Not an error, because the machine may have swap.
fn memory() {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok())
        .map(|kb| kb / 1024);
    if let Some(available) = available.filter(|available| *available < MEMORY_MB) {
        terminal::note(&format!(
            "{available} MB of memory are available, and the compilers use up to {MEMORY_MB} MB: if the system kills the build, prefix the command with CARGO_BUILD_JOBS=1"
        ));
    }
}

/// Fails if the server cannot listen on an address, and reports the process that does.
pub(crate) fn port(address: SocketAddr) -> Result<()> {
    let Err(error) = TcpListener::bind(address) else {
        return Ok(());
    };
    let tried = format!("listen on {address}");
    if error.kind() == std::io::ErrorKind::AddrInUse {
        let owner = listener(address.port()).map_or_else(
            || "Another program".to_owned(),
            |(name, pid)| format!("The program {name} (process {pid})"),
        );
        let other = address.port().checked_add(1).unwrap_or(8080);
        return Err(Failure::new(
            tried,
            format!("{owner} is already listening on this port"),
            format!("Stop it, or choose another port: `cargo xtask run --port {other}`"),
        ));
    }
    Err(Failure::new(
        tried,
        format!("The system reports: {error}"),
        "Choose another address with --host, or a port above 1023 with --port",
    ))
}

/// Name and ID of the process that listens on a port. `None` if this user cannot see
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

/// Inodes of the sockets that listen on a port, from a table in `/proc/net`.
fn listening(table: &str, port: u16) -> Vec<String> {
    let local = format!(":{port:04X}");
    table
        .lines()
        .filter_map(|line| {
            let columns: Vec<_> = line.split_whitespace().collect();
            // 0A is the state LISTEN.
            let is_listening = columns.get(1)?.ends_with(&local) && *columns.get(3)? == "0A";
            is_listening.then(|| columns.get(9).map(|inode| (*inode).to_owned()))?
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
    fn complete_machine_passes() {
        let fake = fake();
        assert_eq!(check(&fake, fake.machine()), Ok(()));
    }

    #[test]
    fn low_disk_space_is_reported_with_the_required_space() {
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
    fn missing_c_compiler_is_reported_with_its_package() {
        let fake = FakeMachine::new();
        let failure = check(&fake, fake.machine()).unwrap_err().to_string();
        assert!(
            failure.contains("apt-get install gcc libc6-dev"),
            "{failure}"
        );
    }

    #[test]
    fn c_compiler_without_headers_is_rejected() {
        let fake = fake().script(
            "/usr/bin/cc",
            "echo 'stdlib.h: No such file or directory' >&2; exit 1",
        );
        let failure = check(&fake, fake.machine()).unwrap_err().to_string();
        assert!(failure.contains("stdlib.h"), "{failure}");
    }

    #[test]
    fn missing_compiler_wrapper_is_reported() {
        let fake = fake();
        let machine = fake.machine().with("RUSTC_WRAPPER", "sccache");
        let failure = check(&fake, machine).unwrap_err().to_string();
        assert!(
            failure.contains("RUSTC_WRAPPER is set to sccache"),
            "{failure}"
        );
        let fake = fake.prints("sccache", "");
        let machine = fake.machine().with("RUSTC_WRAPPER", "sccache");
        assert_eq!(check(&fake, machine), Ok(()));
    }

    #[test]
    fn read_only_build_directory_is_reported() {
        let fake = fake().file("file", "");
        let path = fake.root().join("file/target");
        let machine = fake.machine().with("CARGO_TARGET_DIR", path.as_os_str());
        let failure = check(&fake, machine).unwrap_err().to_string();
        assert!(failure.contains("build directory"), "{failure}");
    }

    #[test]
    fn port_in_use_is_reported_with_its_owner_and_a_fix() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let error = port(address).unwrap_err().to_string();
        assert!(error.contains("--port"), "{error}");
        let me = format!("(process {})", std::process::id());
        assert!(error.contains(&me), "{error}");
        drop(listener);
        assert_eq!(port(address), Ok(()));
    }
}
