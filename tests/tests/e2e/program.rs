//! The program in operation: settings, documents, backups, and its exit.

use reqwest::Method;
use serde_json::Value;
use tocsin_api_types::{Alert, IngestReport};
use tocsin_tests::{Options, Tocsin, Webhook, binary, firing, run, workspace};

const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

#[tokio::test]
async fn openapi_description_is_current_and_served() {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(folder.path(), &["openapi"], &[]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let committed = std::fs::read_to_string(workspace().join("openapi/openapi.json")).unwrap();
    assert!(
        printed.stdout == committed,
        "openapi/openapi.json is outdated: run `cargo xtask openapi`"
    );
    let committed: Value = serde_json::from_str(&committed).unwrap();
    let protected = Tocsin::start(Options::default().token("a long secret")).await;
    for path in ["/openapi.json", "/api/v1/openapi.json"] {
        assert_eq!(protected.get::<Value>(path).await, committed, "{path}");
    }
    // Without an ingest token, the description makes the webhook's credential optional.
    let tocsin = Tocsin::start(Options::default()).await;
    let served: Value = tocsin.get("/openapi.json").await;
    let security = |description: &Value| description["paths"][WEBHOOK]["post"]["security"].clone();
    let schemes = |description: &Value| security(description).as_array().unwrap().len();
    assert_eq!(schemes(&served), schemes(&committed) + 1);
    assert_eq!(
        security(&served)[schemes(&committed)],
        serde_json::json!({})
    );
    let docs = tocsin.get_reply("/docs/").await.expect(200);
    assert!(docs.header("content-type").starts_with("text/html"));
    let page = tocsin.get_reply("/").await.expect(200);
    assert!(
        page.header("content-type").starts_with("text/html"),
        "with and without a built frontend"
    );
    let unknown = tocsin.get_reply("/api/v2/alerts").await.problem(404);
    assert!(unknown.detail.contains("/docs"), "{}", unknown.detail);
    let head = tocsin.request(Method::HEAD, "/healthz").send().await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
}

#[test]
fn example_settings_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    let example = workspace().join("tocsin.example.toml");
    let settings = folder.path().join("tocsin.toml");
    std::fs::copy(example, settings).unwrap();
    let checked = run(
        folder.path(),
        &["check-config"],
        &[(
            "ingest.tokens",
            r#"[{"name": "a", "token": "kept-secret"}]"#,
        )],
    );
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(
        checked.stdout.contains("stale_after = \"9h\""),
        "{}",
        checked.stdout
    );
    assert!(
        !checked.stdout.contains("kept-secret"),
        "{}",
        checked.stdout
    );
}

#[test]
fn invalid_settings_are_rejected_by_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let settings = folder.path().join("settings.toml");
    for (toml, words) in [
        (
            "[server]\nlisten = \"nowhere\"",
            vec!["server.listen", "127.0.0.1:8080"],
        ),
        ("[server]\nlitsen = \"127.0.0.1:1\"", vec!["litsen"]),
        ("[servre]\n", vec!["servre"]),
        (
            "[incidents]\nwindow = \"5 weeks\"",
            vec!["incidents.window"],
        ),
        (
            "[incidents]\nwindow = \"10h\"",
            vec!["incidents.stale_after"],
        ),
        (
            "[mail]\ndefault_time_zone = \"Mars\"",
            vec!["mail.default_time_zone", "Asia/Shanghai"],
        ),
        (
            "[mail.smtp]\nhost = \"smtp.example.com\"",
            vec!["mail.from"],
        ),
        ("[mail.smtp]\nport = 25", vec!["mail.smtp", "host"]),
        (
            "[database]\nurl = \"mysql://x\"",
            vec!["database.url", "postgres://"],
        ),
        ("data_dir = \"file/below\"", vec!["data_dir"]),
        ("not toml at all", vec!["settings.toml", "line 1"]),
    ] {
        std::fs::write(&settings, toml).unwrap();
        for command in ["serve", "check-config"] {
            let ended = run(folder.path(), &[command, "--config", "settings.toml"], &[]);
            assert_eq!(ended.code, Some(2), "{toml}: {ended:?}");
            for word in &words {
                assert!(
                    ended.stderr.contains(word),
                    "{toml}: {word}: {}",
                    ended.stderr
                );
            }
        }
    }
    let ended = run(folder.path(), &["check-config"], &[("server.lisen", "x")]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("TOCSIN_SERVER_LISEN"),
        "{}",
        ended.stderr
    );
    let ended = run(folder.path(), &["serve", "--config", "missing.toml"], &[]);
    assert!(ended.stderr.contains("missing.toml"), "{}", ended.stderr);
}

#[tokio::test]
async fn flags_override_variables_and_variables_override_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let toml = "data_dir = \"from-file\"\n[incidents]\nwindow = \"1m\"\nstale_after = \"2h\"\n";
    std::fs::write(folder.path().join("tocsin.toml"), toml).unwrap();
    let args = ["check-config", "--data-dir", "from-flag"];
    let checked = run(
        folder.path(),
        &args,
        &[("incidents.window", "2m"), ("data_dir", "from-variable")],
    );
    for line in [
        "data_dir = \"from-flag\"",
        "window = \"2m\"",
        "stale_after = \"2h\"",
    ] {
        assert!(checked.stdout.contains(line), "{line}: {checked:?}");
    }
}

#[tokio::test]
async fn backup_of_a_running_database_is_complete() {
    let tocsin = Tocsin::start(Options::default()).await;
    let alerts = (0..50).map(|n| firing("Down").instance(&n.to_string()));
    tocsin.post(&Webhook::of(alerts)).await;
    let copy = tocsin.folder().join("copy/tocsin.sqlite");
    std::fs::create_dir(copy.parent().unwrap()).unwrap();
    let data_dir = tocsin.data_dir();
    let args = [
        "backup",
        copy.to_str().unwrap(),
        "--data-dir",
        data_dir.to_str().unwrap(),
    ];
    let backup = run(tocsin.folder(), &args, &[]);
    assert_eq!(backup.code, Some(0), "{backup:?}");
    let again = run(tocsin.folder(), &args, &[]);
    assert_ne!(again.code, Some(0), "an existing file is not overwritten");
    // Later deliveries are not in the backup.
    tocsin.post(&Webhook::of([firing("Later")])).await;
    let from_copy = Tocsin::start(Options::default().data_dir(copy.parent().unwrap())).await;
    assert_eq!(from_copy.all::<Alert>("alerts").await.len(), 50);
    from_copy.post(&Webhook::of([firing("Lives")])).await;
    assert_eq!(tocsin.all::<Alert>("alerts").await.len(), 51);
}

#[tokio::test]
async fn sqlite_database_is_locked_by_one_program() {
    let mut tocsin = Tocsin::start(Options::default()).await;
    let data_dir = tocsin.data_dir();
    let args = ["serve", "--listen", "127.0.0.1:0", "--data-dir"];
    let args = [&args[..], &[data_dir.to_str().unwrap()]].concat();
    let second = run(tocsin.folder(), &args, &[]);
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(
        second.stderr.contains("another tocsin process uses"),
        "{second:?}"
    );
    tocsin.post(&Webhook::of([firing("Down")])).await;
    // The operating system releases the lock even after SIGKILL.
    tocsin.kill9();
    tocsin.restart().await;
}

#[tokio::test]
async fn sigterm_completes_accepted_deliveries() {
    let mut tocsin = Tocsin::start(Options::default()).await;
    let posts: Vec<_> = (0..40)
        .map(|n| {
            let alerts = (0..50).map(move |m| firing("Down").instance(&format!("{n}-{m}")));
            let request = tocsin.request(Method::POST, WEBHOOK);
            request.bytes(Webhook::of(alerts).bytes()).try_send()
        })
        .collect();
    let all = futures::future::join_all(posts);
    let (answers, ()) = tokio::join!(all, async {
        tocsin_tests::wait_until("a delivery is stored", || async {
            !tocsin.all::<Alert>("alerts?limit=1").await.is_empty()
        })
        .await;
        tocsin.terminate();
    });
    assert_eq!(
        tocsin.wait_for_exit().await.code(),
        Some(0),
        "{}",
        tocsin.log()
    );
    let accepted: usize = answers
        .into_iter()
        .flatten()
        .filter(|reply| reply.status.is_success())
        .map(|reply| reply.json::<IngestReport>().opened)
        .sum();
    assert!(accepted > 0);
    tocsin.restart().await;
    let stored = tocsin.all::<Alert>("alerts").await.len();
    assert!(
        stored >= accepted,
        "{stored} of {accepted} accepted alerts are stored"
    );
}

#[tokio::test]
async fn metrics_count_deliveries_and_alerts() {
    let tocsin = Tocsin::start(Options::default().set("incidents.window", "1h")).await;
    let webhook = Webhook::of([firing("A"), firing("B")]);
    tocsin.post(&webhook).await;
    tocsin.post(&webhook).await;
    tocsin
        .post_to("prod", Webhook::of([firing("A").resolve()]).bytes())
        .await;
    tocsin.deliver(WEBHOOK, "{}").await.problem(400);
    let metrics = tocsin.metrics().await;
    let deliveries = |labels: &[&str]| metrics.sum("tocsin_deliveries_total", labels);
    assert_eq!(
        deliveries(&["source=\"alertmanager\"", "outcome=\"accepted\""]),
        2.0
    );
    assert_eq!(
        deliveries(&["source=\"prod\"", "outcome=\"accepted\""]),
        1.0
    );
    assert_eq!(deliveries(&["outcome=\"refused\""]), 1.0);
    let alerts =
        |outcome: &str| metrics.sum("tocsin_alerts_total", &[&format!("outcome=\"{outcome}\"")]);
    assert_eq!(
        [alerts("opened"), alerts("seen_again"), alerts("resolved")],
        [2.0, 2.0, 1.0]
    );
    assert_eq!(
        metrics.sum("tocsin_ingest_duration_seconds_count", &[]),
        3.0
    );
    assert_eq!(
        metrics.sum("tocsin_ingest_duration_seconds_bucket", &["le=\"+Inf\""]),
        3.0
    );
    assert_eq!(metrics.sum("tocsin_ready", &[]), 1.0);
    for name in [
        "tocsin_build_info",
        "tocsin_ingest_queue_bytes",
        "tocsin_outbox_mails",
        "tocsin_outbox_oldest_seconds",
        "tocsin_mail_paused",
        "tocsin_database_connections",
    ] {
        assert!(metrics.has(name), "{name}\n{}", metrics.text);
    }
    let answer = tocsin.get_reply("/metrics").await;
    assert!(answer.header("content-type").contains("version=1.0.0"));
}

#[test]
fn help_lists_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(folder.path(), &["--help"], &[]);
    for command in ["serve", "migrate", "openapi", "check-config", "backup"] {
        assert!(help.stdout.contains(command), "{command}: {}", help.stdout);
    }
    assert!(binary().is_file());
    let migrated = run(folder.path(), &["migrate", "--data-dir", "new"], &[]);
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    assert!(folder.path().join("new/tocsin.sqlite").is_file());
}
