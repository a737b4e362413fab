use tocsin_machine::fake::FakeMachine;

use super::*;

/// A Debian machine with root and this apt-get script.
fn fake(apt_get: &str) -> FakeMachine {
    FakeMachine::new()
        .prints("id", "0")
        .script("/usr/bin/apt-get", apt_get)
        .script("/usr/bin/apt-cache", "echo '  Candidate: 1.4.3-1'")
        .script("/usr/bin/apt-mark", "")
        .script("/usr/bin/dpkg", "")
        .script("/usr/bin/dpkg-query", "exit 1")
}

fn install(fake: &FakeMachine) -> Result<()> {
    let package = Package::new("python3-aiosmtpd", "the tests' SMTP server");
    Apt::new(&fake.machine()).install(&[package])
}

#[test]
fn package_lists_are_refreshed_once_per_run() {
    let fake = fake("");
    let apt = Apt::new(&fake.machine());
    for name in ["one", "two"] {
        apt.install(&[Package::new(name, "a test")]).unwrap();
    }
    assert_eq!(fake.calls().matches("apt-get update").count(), 1);
    assert_eq!(fake.calls().matches("apt-get install").count(), 2);
}

#[test]
fn install_waits_for_the_lock() {
    let fake = fake(
        "if [ ! -e \"$ROOT/ended\" ]; then
           : > \"$ROOT/ended\"
           echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 12 (unattended-upgr)' >&2
           exit 100
         fi",
    );
    assert_eq!(install(&fake), Ok(()));
    assert_eq!(fake.calls().matches("apt-get update").count(), 2);
}

#[test]
fn unrelated_broken_repository_is_ignored() {
    let fake = fake("[ \"$1\" = install ] || { echo 'E: No release file' >&2; exit 100; }");
    assert_eq!(install(&fake), Ok(()));
}

#[test]
fn unavailable_package_is_reported_with_the_list_error() {
    let fake = fake("echo 'E: Could not resolve host' >&2; exit 100")
        .script("/usr/bin/apt-cache", "echo '  Candidate: (none)'");
    let failure = install(&fake).unwrap_err().to_string();
    assert!(
        failure.contains("python3-aiosmtpd is not available"),
        "{failure}"
    );
    assert!(failure.contains("Could not resolve host"), "{failure}");
    assert!(!fake.calls().contains("apt-get install"));
}

#[test]
fn apt_errors_are_reported() {
    let fake = fake("[ \"$1\" = update ] || { echo 'E: Unmet dependencies' >&2; exit 100; }");
    let failure = install(&fake).unwrap_err().to_string();
    assert!(failure.contains("E: Unmet dependencies"), "{failure}");
}

#[test]
fn interrupted_installation_is_finished_first() {
    let fake = fake("").script(
        "/usr/bin/dpkg",
        "case \"$1\" in --audit) echo 'rustc-web is half configured';; esac",
    );
    assert_eq!(install(&fake), Ok(()));
    let calls = fake.calls();
    let finished = calls.find("dpkg --configure -a").unwrap();
    assert!(finished < calls.find("apt-get install").unwrap(), "{calls}");
}

#[test]
fn without_root_or_apt_required_packages_are_listed() {
    for fake in [
        fake("").prints("id", "1000"),
        FakeMachine::new().prints("id", "0"),
    ] {
        let failure = install(&fake).unwrap_err().to_string();
        assert!(
            failure.contains("python3-aiosmtpd (for the tests' SMTP server)"),
            "{failure}"
        );
        assert!(
            failure.contains("apt-get install --no-install-recommends python3-aiosmtpd"),
            "{failure}"
        );
        assert!(!fake.calls().contains("apt-get"));
    }
}
