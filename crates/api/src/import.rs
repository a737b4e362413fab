//! `tocsin import`: archived history back into the database.

use std::path::PathBuf;
use std::sync::Arc;

use tocsin_pipeline::SystemClock;
use tocsin_pipeline::archive::{ImportReport, Importer};
use tocsin_storage::Db;

use crate::alone;
use crate::config::Settings;
use crate::serve::{self, Failure};

/// Imports the files one after another, and says what became of each.
///
/// # Errors
/// The first file or line that cannot be read; what precedes it is imported.
pub(crate) async fn import(
    settings: &Settings,
    files: &[PathBuf],
    count: bool,
) -> Result<(), Failure> {
    settings.prepare_data_dir()?;
    let _alone = settings.sqlite_file().map(alone::take).transpose()?;
    let db = Db::open(&serve::database(settings)).await?;
    let result = all(&db, files, count).await;
    db.close().await;
    result
}

async fn all(db: &Db, files: &[PathBuf], count: bool) -> Result<(), Failure> {
    let mut importer = Importer::new(db.clone(), Arc::new(SystemClock), count).await?;
    for file in files {
        let ImportReport {
            lines,
            entries,
            known,
            incidents,
            cut_off,
        } = importer.file(file).await?;
        let file = file.display();
        println!(
            "{file}: {lines} lines; {entries} entries and {incidents} incidents are new, \
             {known} entries were there already."
        );
        if let Some(cut_off) = cut_off {
            eprintln!("tocsin: {file} {cut_off}; what precedes is imported");
        }
    }
    Ok(())
}
