//! `--demo`: thirty days of generated history in a separate database, sent through the real ingest
//! with a clock that the program sets. The history is deterministic except for the date of its end.

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

/// E-mail address of the demo account.
pub(crate) const EMAIL: &str = "demo@example.com";

/// Mails of this period are written to files, earlier ones only listed.
const MAIL_KEPT: Duration = Duration::from_secs(2 * 86_400);

/// Deletes the data of an earlier demo.
///
/// # Errors
/// A file that cannot be deleted.
pub(crate) fn clear(settings: &Settings) -> Result<(), Failure> {
    let check = |result: std::io::Result<()>, path: &std::path::Path| match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::system(
            format!("removing {}", path.display()),
        )(error)),
        _ => Ok(()),
    };
    for suffix in ["", "-wal", "-shm"] {
        let file = settings.data_dir.join(format!("demo.sqlite{suffix}"));
        check(std::fs::remove_file(&file), &file)?;
    }
    let mails = settings.mail_dir();
    check(std::fs::remove_dir_all(&mails), &mails)
}

/// Fills the empty database, and returns the steps that follow in real time.
///
/// # Errors
/// A write that failed.
pub(crate) async fn fill(
    settings: &Settings,
    pipeline_settings: PipelineSettings,
    db: &Db,
    now: Timestamp,
) -> Result<Vec<Step>, Failure> {
    people::create_recipients_and_routes(db, settings, now).await?;
    let end = now.as_micros() / 1_000_000;
    let mut steps = plan::steps(end);
    let future = steps.split_off(steps.partition_point(|step| step.at < end));
    play(&steps, settings, pipeline_settings, db, now).await?;
    Ok(future)
}

/// Plays the steps, each at its time, and moves the clock to `now`.
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
        advance_clock(at, &clock, db, &pipeline).await?;
        play_step(step, db, &pipeline, settings).await?;
        wait_until_sent(db, &clock).await?;
    }
    advance_clock(now, &clock, db, &pipeline).await?;
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
    .map_err(Failure::system("opening the mail directory"))?;
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

/// Creates the demo's administrator, and returns a random password: a demo is reachable from this
/// machine only, but by all of its users.
///
/// # Errors
/// A write that failed.
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

/// Plays the steps in real time, until the end of the day or of the program.
pub(crate) async fn play_live(steps: Vec<Step>, db: Db, pipeline: Pipeline, settings: Settings) {
    for step in steps {
        let due = Timestamp::from_micros(step.at * 1_000_000);
        tokio::time::sleep(due.since(pipeline.now())).await;
        if let Err(error) = play_step(&step, &db, &pipeline, &settings).await {
            tracing::warn!(%error, "the demo has stopped");
            return;
        }
    }
}

async fn play_step(
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
                // Some bodies are invalid on purpose.
                Ok(_) | Err(IngestError::Malformed(_)) => Ok(()),
                Err(error) => Err(Failure::system("generating the history")(
                    std::io::Error::other(error),
                )),
            }
        }
        What::Acknowledge {
            alertname,
            instance,
            by,
            note,
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
            let change = IncidentChange {
                known: Some(true),
                memo: Some((*note).to_owned()),
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
            acknowledge_one(db, pipeline.alert_cache(), &by, incident.id, None, &change)
                .await
                .map_err(|error| {
                    Failure::system("generating the history")(std::io::Error::other(error))
                })?;
            pipeline.changed();
            Ok(())
        }
    }
}

/// Moves the clock, stopping at every time at which a held notification is due, so that it is sent
/// at that time.
async fn advance_clock(
    to: Timestamp,
    clock: &DemoClock,
    db: &Db,
    pipeline: &Pipeline,
) -> Result<(), Failure> {
    while let Some(due) = outbox::next_due(db).await?.filter(|due| *due <= to) {
        clock.set(due);
        pipeline.changed();
        wait_until_sent(db, clock).await?;
    }
    clock.set(to);
    Ok(())
}

/// Waits until all due notifications are sent, so that they are sent at the clock's time. Held ones
/// wait for the clock to move.
async fn wait_until_sent(db: &Db, clock: &DemoClock) -> Result<(), Failure> {
    while outbox::are_any_due(db, clock.now()).await? {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
