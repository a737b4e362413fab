//! `--demo`: thirty days of made-up history in a database of its own, told
//! through the real ingest with a clock that is moved along. The same every
//! time, but for the day that it ends on.

mod catalogue;
mod clock;
mod mailer;
mod people;
mod plan;
mod random;

use std::sync::Arc;
use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;
use tocsin_mailer::{FileLimits, FileMailer};
use tocsin_pipeline::accounts::{Accounts, UserDraft, random_password};
use tocsin_pipeline::acknowledge::{ChangeContext, IncidentChange, acknowledge_one};
use tocsin_pipeline::{Actor, Clock, IngestError, Pipeline, PipelineSettings, Webhook};
use tocsin_storage::enums::{ActorKind, IncidentState, Role};
use tocsin_storage::incidents::IncidentSort;
use tocsin_storage::{AlertCriteria, Db, IncidentFilter, Order, PageRequest, incidents, outbox};

use crate::config::Settings;
use crate::serve::{self, Failure};
use clock::DemoClock;
use mailer::DemoMailer;
use plan::What;
pub(crate) use plan::{DAYS, Step};

/// Who signs in to the demo.
pub(crate) const EMAIL: &str = "demo@example.com";

/// Mails of this long ago are written to files, earlier ones only listed.
const MAIL_KEPT: Duration = Duration::from_secs(2 * 86_400);

/// Removes what an earlier demo made up.
///
/// # Errors
/// A file that cannot be removed.
pub(crate) fn clear(settings: &Settings) -> Result<(), Failure> {
    let gone = |result: std::io::Result<()>, path: &std::path::Path| match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::system(
            format!("removing {}", path.display()),
        )(error)),
        _ => Ok(()),
    };
    for suffix in ["", "-wal", "-shm"] {
        let file = settings.data_dir.join(format!("demo.sqlite{suffix}"));
        gone(std::fs::remove_file(&file), &file)?;
    }
    let mails = settings.mail_dir();
    gone(std::fs::remove_dir_all(&mails), &mails)
}

/// Fills the empty database, and returns what is to happen while somebody
/// watches.
///
/// # Errors
/// Whatever could not be stored.
pub(crate) async fn fill(
    settings: &Settings,
    pipeline_settings: PipelineSettings,
    db: &Db,
    now: Timestamp,
) -> Result<Vec<Step>, Failure> {
    people::settle_in(db, settings, now).await?;
    let end = now.as_micros() / 1_000_000;
    let mut steps = plan::steps(end);
    let future = steps.split_off(steps.partition_point(|step| step.at < end));
    play(&steps, settings, pipeline_settings, db, now).await?;
    Ok(future)
}

/// Lets the steps happen, each at its time, and the clock reach `now`.
async fn play(
    steps: &[Step],
    settings: &Settings,
    pipeline_settings: PipelineSettings,
    db: &Db,
    now: Timestamp,
) -> Result<(), Failure> {
    let clock = Arc::new(DemoClock::at(Timestamp::from_micros(0)));
    let pipeline = start(settings, pipeline_settings, db, now, Arc::clone(&clock)).await?;
    for step in steps {
        let at = Timestamp::from_micros(step.at * 1_000_000);
        move_on(at, &clock, db, &pipeline).await?;
        happen(step, db, &pipeline, settings).await?;
        quiet(db, &clock).await?;
    }
    move_on(now, &clock, db, &pipeline).await?;
    pipeline.shutdown().await;
    Ok(())
}

async fn start(
    settings: &Settings,
    pipeline_settings: PipelineSettings,
    db: &Db,
    now: Timestamp,
    clock: Arc<DemoClock>,
) -> Result<Pipeline, Failure> {
    let (max_files, max_bytes) = settings.mail_files;
    let files = FileMailer::new(
        settings.mail_dir(),
        FileLimits {
            max_files,
            max_bytes,
        },
    )
    .map_err(Failure::system("the directory for mails"))?;
    let mailer = DemoMailer {
        files,
        keep_from: now.minus(MAIL_KEPT).to_datetime(),
    };
    let renderer = serve::renderer(settings)?;
    Ok(Pipeline::start(
        db.clone(),
        Arc::new(mailer),
        renderer,
        clock,
        pipeline_settings,
    )
    .await?)
}

/// Makes the demo's administrator, and returns the password, another one each
/// time: a demo is reached from this machine only, but by whoever is on it.
///
/// # Errors
/// Whatever could not be stored.
pub(crate) async fn administrator(accounts: &Accounts) -> Result<String, Failure> {
    let password = random_password();
    let draft = UserDraft {
        name: "Demo".to_owned(),
        email: EMAIL.to_owned(),
        role: Role::Admin,
        matchers: Vec::new(),
        enabled: None,
        password: Some(password.clone()),
    };
    let actor = Actor::command_line();
    accounts.create_user(&actor, None, &draft).await?;
    Ok(password)
}

/// What happens while somebody watches, at its time, until the end of the day
/// or of the program.
pub(crate) async fn go_on(steps: Vec<Step>, db: Db, pipeline: Pipeline, settings: Settings) {
    for step in steps {
        let due = Timestamp::from_micros(step.at * 1_000_000);
        tokio::time::sleep(due.since(pipeline.now())).await;
        if let Err(error) = happen(&step, &db, &pipeline, &settings).await {
            tracing::warn!(%error, "the demo did not go on");
            return;
        }
    }
}

async fn happen(
    step: &Step,
    db: &Db,
    pipeline: &Pipeline,
    settings: &Settings,
) -> Result<(), Failure> {
    match &step.what {
        What::Post { source, body } => {
            let webhook = Webhook {
                source: (*source).to_owned(),
                body: body.clone().into(),
                space: pipeline.queue_permit(),
                target: None,
            };
            match pipeline.ingest(webhook).await {
                // Some are meant to be unreadable.
                Ok(_) | Err(IngestError::Malformed(_)) => Ok(()),
                Err(error) => Err(Failure::system("making up history")(std::io::Error::other(
                    error,
                ))),
            }
        }
        What::Acknowledge {
            alertname,
            instance,
            by,
            memo,
        } => {
            let filter = IncidentFilter {
                about: AlertCriteria {
                    alertname: vec![(*alertname).to_owned()],
                    instance: vec![(*instance).to_owned()],
                    ..AlertCriteria::default()
                },
                state: vec![IncidentState::Open],
                ..IncidentFilter::default()
            };
            let page = PageRequest::first(IncidentSort::LastSeenAt, Order::Desc, 1);
            let now = pipeline.now();
            let open = incidents::list(db, &filter, &page, now, settings.stale_after).await?;
            let Some(incident) = open.items.first() else {
                return Ok(());
            };
            let saying = IncidentChange {
                known: Some(true),
                memo: Some((*memo).to_owned()),
                by: Some((*by).to_owned()),
                close: false,
            };
            let by = ChangeContext {
                actor: &Actor {
                    kind: ActorKind::User,
                    id: None,
                    name: (*by).to_owned(),
                    address: None,
                },
                visible: &Visibility::everything(),
                now,
                message_ids: pipeline.message_ids(),
            };
            acknowledge_one(db, pipeline.alert_cache(), &by, incident.id, None, &saying)
                .await
                .map_err(|error| {
                    Failure::system("making up history")(std::io::Error::other(error))
                })?;
            pipeline.changed();
            Ok(())
        }
    }
}

/// Moves the clock, by way of every time at which a held mail is due until then, so
/// that it is sent at that time.
async fn move_on(
    to: Timestamp,
    clock: &DemoClock,
    db: &Db,
    pipeline: &Pipeline,
) -> Result<(), Failure> {
    while let Some(due) = outbox::next_due(db).await?.filter(|due| *due <= to) {
        clock.set(due);
        pipeline.changed();
        quiet(db, clock).await?;
    }
    clock.set(to);
    Ok(())
}

/// Waits until the mails that are due are out, so that they are out at the time at
/// which the clock stands. A held one waits for that to move.
async fn quiet(db: &Db, clock: &DemoClock) -> Result<(), Failure> {
    while outbox::are_any_due(db, clock.now()).await? {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
