//! Stored files are accessible to their owner only, including files from before the start.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tocsin_tests::{Options, Tocsin, Webhook, firing};

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    metadata.permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Paths in a directory and its subdirectories that other users can access.
fn accessible_to_others(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if mode(&path) & 0o077 != 0 {
            found.push(path.display().to_string());
        }
        if path.is_dir() {
            found.extend(accessible_to_others(&path));
        }
    }
    found
}

#[tokio::test]
async fn created_files_are_private() {
    let tocsin = Tocsin::start(Options::default()).await;
    tocsin.post(&Webhook::of([firing("Down")])).await;
    assert_eq!(mode(&tocsin.data_dir()), 0o700);
    assert!(tocsin.data_dir().join("tocsin.sqlite-wal").exists());
    assert_eq!(
        accessible_to_others(&tocsin.data_dir()),
        Vec::<String>::new()
    );
    assert!(!tocsin.log().contains("other users"), "{}", tocsin.log());
}

#[tokio::test]
async fn existing_files_become_private() {
    let mut tocsin = Tocsin::start(Options::default()).await;
    tocsin.post(&Webhook::of([firing("Down")])).await;
    let data = tocsin.data_dir();
    tocsin.kill9();
    let outside = tocsin.folder().join("outside");
    fs::write(&outside, "").unwrap();
    fs::write(data.join("mail/old.eml"), "").unwrap();
    fs::write(data.join("copy.sqlite"), "").unwrap();
    for path in [
        &data,
        &data.join("mail"),
        &data.join("mail/old.eml"),
        &data.join("copy.sqlite"),
        &data.join("tocsin.sqlite"),
        &data.join("tocsin.sqlite-wal"),
    ] {
        set_mode(path, if path.is_dir() { 0o755 } else { 0o644 });
    }
    std::os::unix::fs::symlink(&outside, data.join("link")).unwrap();
    set_mode(&outside, 0o644);
    tocsin.restart().await;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("mail")), 0o700);
    for name in [
        "mail/old.eml",
        "copy.sqlite",
        "tocsin.sqlite",
        "tocsin.sqlite-wal",
    ] {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&outside), 0o644, "the target of a link is not changed");
    let log = tocsin.log();
    let warnings: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("other users could access"))
        .collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("tocsin.sqlite-wal"), "{warnings:?}");
}

#[tokio::test]
async fn shared_directory_keeps_its_permissions() {
    let mut tocsin = Tocsin::start(Options::default()).await;
    let data = tocsin.data_dir();
    tocsin.kill9();
    let foreign = data.join("foreign");
    fs::create_dir(&foreign).unwrap();
    for (name, bits) in [
        ("", 0o755),
        ("foreign", 0o755),
        ("foreign/file", 0o644),
        ("page.html", 0o644),
        ("tocsin.sqlite", 0o644),
    ] {
        let path = data.join(name);
        if !path.exists() {
            fs::write(&path, "").unwrap();
        }
        set_mode(&path, bits);
    }
    tocsin.restart().await;
    for (name, bits) in [
        ("", 0o755),
        ("foreign", 0o755),
        ("foreign/file", 0o644),
        ("page.html", 0o644),
        ("tocsin.sqlite", 0o600),
    ] {
        assert_eq!(mode(&data.join(name)), bits, "{name}");
    }
}
