use super::*;

fn open_files(directory: &Path) -> (DatabaseFiles, Vec<fs::File>) {
    let names = ["a.db", "a.db-wal", "a.db-shm"].map(|name| directory.join(name));
    let open = names.iter().map(|path| fs::File::create(path).unwrap());
    let open = open.collect();
    (DatabaseFiles::opened(&names[0]).unwrap(), open)
}

#[test]
fn open_files_are_checked_for_replacement() {
    let folder = tempfile::tempdir().unwrap();
    let (files, mut open) = open_files(folder.path());
    assert_eq!(files.problem(), None);
    let aside = folder.path().join("aside");
    for name in ["a.db", "a.db-wal", "a.db-shm"] {
        let path = folder.path().join(name);
        fs::rename(&path, &aside).unwrap();
        let problem = files.problem().unwrap();
        assert_eq!((&*problem.name, problem.found), (name, Found::Nothing));
        assert_eq!(problem.is_main, name == "a.db");
        fs::write(&path, "").unwrap();
        let problem = files.problem().unwrap();
        assert_eq!((&*problem.name, problem.found), (name, Found::AnotherFile));
        fs::rename(&aside, &path).unwrap();
        assert_eq!(files.problem(), None, "{name} is back");
    }
    // After SQLite closed them, new WAL files are no problem, but a missing database file is.
    open.clear();
    for name in ["a.db-wal", "a.db-shm"] {
        fs::remove_file(folder.path().join(name)).unwrap();
        assert_eq!(files.problem(), None);
        fs::write(folder.path().join(name), "").unwrap();
        assert_eq!(files.problem(), None);
    }
    fs::remove_file(folder.path().join("a.db")).unwrap();
    assert!(files.problem().is_some());
}

#[test]
fn symlinks_are_followed_as_sqlite_does() {
    let folder = tempfile::tempdir().unwrap();
    let (_, open) = open_files(folder.path());
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(folder.path().join("a.db"), &link).unwrap();
    let files = DatabaseFiles::opened(&link).unwrap();
    assert_eq!(files.problem(), None);
    fs::remove_file(folder.path().join("a.db-wal")).unwrap();
    assert_eq!(files.problem().unwrap().name, "a.db-wal");
    drop(open);
    fs::remove_file(&link).unwrap();
    assert_eq!(files.problem().unwrap().name, "link.db");
}

#[test]
fn in_memory_database_has_no_files() {
    assert!(DatabaseFiles::opened(Path::new("file:sqlx-in-memory-0")).is_none());
    assert!(DatabaseFiles::opened(Path::new("/")).is_none());
}
