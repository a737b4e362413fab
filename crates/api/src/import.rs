//! `tocsin import`: imports archived history into the database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tocsin_pipeline::archive::{ImportReport, Importer};
use tocsin_pipeline::{Actor, AuditEntry, Clock as _, SystemClock};
use tocsin_storage::{Db, StorageError};

use crate::config::Settings;
use crate::instance_lock;
use crate::serve::{self, Failure};

/// Imports the files one after another, and prints a result for each.
///
/// # Errors
/// The first file or line that cannot be read; everything before it is imported.
pub(crate) async fn import(
    settings: &Settings,
    files: &[PathBuf],
    count: bool,
) -> Result<(), Failure> {
    settings.prepare_data_dir()?;
    let _alone = settings
        .sqlite_file()
        .map(instance_lock::take)
        .transpose()?;
    let db = Db::open(&serve::database(settings)).await?;
    let result = all(&db, files, count).await;
    db.close().await;
    result
}

async fn all(db: &Db, files: &[PathBuf], count: bool) -> Result<(), Failure> {
    let mut importer = Importer::new(db.clone(), Arc::new(SystemClock), count).await?;
    for file in files {
        let report = importer.file(file).await;
        note(db, file, report.as_ref().ok()).await?;
        let ImportReport {
            lines,
            entries,
            known,
            incidents,
            cut_off,
        } = report?;
        let file = file.display();
        println!(
            "{file}: {lines} lines; {entries} entries and {incidents} incidents imported, \
             {known} existing entries skipped."
        );
        if let Some(cut_off) = cut_off {
            eprintln!("tocsin: {file} {cut_off}; everything before that was imported");
        }
    }
    Ok(())
}

/// Records an imported file in the audit log. A file that could not be read to its end is imported
/// up to the error, and recorded without counts.
async fn note(db: &Db, file: &Path, report: Option<&ImportReport>) -> Result<(), StorageError> {
    let after = report.map(|report| {
        json!({
            "entries": report.entries,
            "known": report.known,
            "incidents": report.incidents,
        })
    });
    let entry = AuditEntry {
        action: "archive.import",
        kind: "archive",
        id: None,
        name: &file.display().to_string(),
        before: None,
        after: after.as_ref(),
    };
    let actor = Actor::command_line();
    actor.note(db, &entry, SystemClock.now()).await
}
