//! Reads directories, and writes only the files that differ.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, anyhow};

/// File contents by path relative to the directory.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Reads all files of a directory and its subdirectories, except hidden ones. Returns an
/// empty map if the directory does not exist.
pub(crate) fn read(folder: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    if folder.exists() {
        collect(folder, "", &mut files)?;
    }
    Ok(files)
}

/// Makes a directory contain exactly these files. Unchanged files are not written: the
/// server embeds them, and would be rebuilt.
pub(crate) fn write(folder: &Path, files: &Files) -> anyhow::Result<()> {
    for (name, content) in files {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|old| old == *content) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot create {}", parent.display()))?;
        }
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    for name in read(folder)?
        .keys()
        .filter(|name| !files.contains_key(*name))
    {
        let path = folder.join(name);
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

fn collect(folder: &Path, prefix: &str, files: &mut Files) -> anyhow::Result<()> {
    let cannot_read = || format!("cannot read {}", folder.display());
    for entry in folder.read_dir().with_context(cannot_read)? {
        let entry = entry.with_context(cannot_read)?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| anyhow!("the file name {name:?} is not valid UTF-8"))?;
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), files)?;
        } else {
            let content =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            files.insert(format!("{prefix}{name}"), content);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_files_are_removed_and_unchanged_files_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let both = Files::from([
            ("index.html".to_owned(), b"page".to_vec()),
            ("snippets/a/inline.js".to_owned(), b"old".to_vec()),
        ]);
        write(folder.path(), &both).expect("writes");
        assert_eq!(read(folder.path()).expect("reads"), both);
        let page = folder.path().join("index.html");
        let before = page.metadata().and_then(|meta| meta.modified()).ok();
        let one = Files::from([("index.html".to_owned(), b"page".to_vec())]);
        write(folder.path(), &one).expect("writes");
        assert_eq!(read(folder.path()).expect("reads"), one);
        assert_eq!(
            page.metadata().and_then(|meta| meta.modified()).ok(),
            before
        );
    }
}
