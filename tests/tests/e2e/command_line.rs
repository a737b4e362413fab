//! Users and tokens managed at the command line while the program runs, and the
//! set-up link that it prints while there are no users.

use std::fs::{self, File};
use std::io::Read as _;

use flate2::read::GzDecoder;
use reqwest::Method;
use serde_json::json;
use tocsin_api_types::IngestReport;
use tocsin_tests::{
    BrowserSession, Database, Finished, Options, Tocsin, Webhook, firing, on_both, run, wait_until,
    workspace,
};

on_both!(
    users_are_created_disabled_and_enabled,
    forgotten_password_is_replaced,
    tokens_are_created_and_revoked,
    concurrent_commands_wait_for_each_other,
    set_up_link_creates_one_administrator,
);

const PASSWORD: &str = "correct horse battery staple";
const OTHER: &str = "seven purple dragons asleep";

async fn start(database: Database) -> Tocsin {
    Tocsin::start(Options::on(database)).await
}

async fn add(tocsin: &Tocsin, name: &str, role: &str) -> Finished {
    let email = format!("{name}@example.com");
    let args = ["user", "add", "--email", &email, "--role", role];
    tocsin
        .command_line(&args, &format!("{PASSWORD}\nmore\n"))
        .await
}

fn success(finished: &Finished) -> &str {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    &finished.stdout
}

/// The message of a failed command. It never contains a password.
fn failure(finished: &Finished, code: i32) -> &str {
    assert_eq!(finished.code, Some(code), "{finished:?}");
    for secret in [PASSWORD, OTHER, "password1234"] {
        assert!(!finished.stderr.contains(secret), "{finished:?}");
    }
    assert_eq!(finished.stdout, "", "{finished:?}");
    &finished.stderr
}

async fn users_are_created_disabled_and_enabled(database: Database) {
    let tocsin = start(database).await;
    let output = add(&tocsin, "kim", "admin").await;
    assert_eq!(
        success(&output),
        "Created user kim@example.com with role admin.\n"
    );
    let mut kim = BrowserSession::new();
    let me = kim.sign_in(&tocsin, "KIM@example.com", PASSWORD).await;
    assert_eq!(me.expect(200).json::<serde_json::Value>()["name"], "kim");

    let matcher = "--team-matcher=team=infra";
    let args = [
        "user",
        "add",
        "--email",
        "lou@example.com",
        "--name",
        "路 Lou",
    ];
    let lou = [&args[..], &[matcher, "--no-password"]].concat();
    success(&tocsin.command_line(&lou, "").await);
    let listed = tocsin.command_line(&["user", "list"], "").await;
    let rows: Vec<&str> = success(&listed).lines().collect();
    assert_eq!(rows.len(), 3, "{rows:?}");
    let has = |row: &str, words: &[&str]| words.iter().all(|word| row.contains(word));
    assert!(has(rows[1], &["kim@example.com", "admin", "all alerts"]));
    assert!(has(
        rows[2],
        &["路 Lou", "viewer", "never", "team=\"infra\""]
    ));

    let duplicate = add(&tocsin, "KIM", "viewer").await;
    assert!(failure(&duplicate, 1).contains("already"), "{duplicate:?}");
    let weak = tocsin.command_line(
        &["user", "add", "--email", "sam@example.com"],
        "password1234\n",
    );
    assert!(failure(&weak.await, 1).contains("too easy to guess"));
    let no_password = tocsin.command_line(&["user", "add", "--email", "sam@example.com"], "");
    assert!(failure(&no_password.await, 1).contains("standard input"));
    let argument = [
        "user",
        "add",
        "--email",
        "sam@example.com",
        "--password",
        OTHER,
    ];
    assert_eq!(tocsin.command_line(&argument, "").await.code, Some(2));
    let last = ["user", "disable", "--email", "kim@example.com"];
    let last = tocsin.command_line(&last, "").await;
    assert!(failure(&last, 1).contains("last administrator"));

    success(&add(&tocsin, "sam", "responder").await);
    let mut sam = BrowserSession::new();
    let signed_in = sam.sign_in(&tocsin, "sam@example.com", PASSWORD).await;
    signed_in.expect(200);
    let cookie = format!("tocsin={}", sam.cookies(&tocsin)["tocsin"]);
    let email = ["--email", "sam@example.com"];
    success(
        &tocsin
            .command_line(&[&["user", "disable"], &email[..]].concat(), "")
            .await,
    );
    wait_until("the session has ended", || async {
        let me = tocsin.request(Method::GET, "/api/v1/me").anonymous();
        me.header("cookie", &cookie).send().await.status == 401
    })
    .await;
    let wrong = sam.sign_in(&tocsin, "sam@example.com", PASSWORD).await;
    wrong.problem(401);
    success(
        &tocsin
            .command_line(&[&["user", "enable"], &email[..]].concat(), "")
            .await,
    );
    sam.request(&tocsin, Method::GET, "/api/v1/me")
        .await
        .problem(401);
    let again = sam.sign_in(&tocsin, "sam@example.com", PASSWORD).await;
    again.expect(200);
}

async fn forgotten_password_is_replaced(database: Database) {
    let tocsin = start(database).await;
    success(&add(&tocsin, "kim", "admin").await);
    let mut kim = BrowserSession::new();
    // The account is locked; the new password unlocks it.
    for _ in 0..5 {
        let wrong = kim.sign_in(&tocsin, "kim@example.com", OTHER).await;
        wrong.problem(401);
    }
    let locked = kim.sign_in(&tocsin, "kim@example.com", PASSWORD).await;
    locked.problem(429);
    let args = ["user", "password", "--email", "kim@example.com"];
    let output = tocsin.command_line(&args, OTHER).await;
    assert!(success(&output).contains("ended"), "{output:?}");
    let right = kim.sign_in(&tocsin, "kim@example.com", OTHER).await;
    right.expect(200);
    let old = kim.sign_in(&tocsin, "kim@example.com", PASSWORD).await;
    old.problem(401);
    let args = ["user", "password", "--email", "unknown@example.com"];
    let unknown = tocsin.command_line(&args, OTHER).await;
    assert!(failure(&unknown, 1).contains("unknown@example.com"));
}

async fn tokens_are_created_and_revoked(database: Database) {
    let tocsin = start(database).await;
    let args = ["token", "add", "--name", "am", "--scope", "ingest"];
    let args = [&args[..], &["--source", "prod", "--expires-in", "90d"]].concat();
    let created = tocsin.command_line(&args, "").await;
    // Standard output has only the secret and a newline.
    let secret = success(&created).strip_suffix('\n').unwrap();
    assert!(
        secret.starts_with("tocsin_") && secret.len() == 56,
        "{secret}"
    );
    assert!(created.stderr.contains("expires"), "{created:?}");
    assert!(!created.stderr.contains(secret));
    let deliver = async || {
        let body = Webhook::of([firing("Down")]).bytes();
        let request = tocsin.request(Method::POST, "/api/v1/webhooks/alertmanager");
        let request = request.authorization(&format!("Bearer {secret}"));
        request.bytes(body).send().await
    };
    let report = deliver().await.expect(200);
    let report: IngestReport = report.json();
    let path = format!("/api/v1/deliveries/{}", report.delivery_id);
    let delivery: serde_json::Value = tocsin.get(&path).await;
    assert_eq!(delivery["source"], "prod");
    let listed = tocsin.command_line(&["token", "list"], "").await;
    let row = success(&listed).lines().find(|line| line.contains(" am "));
    let row = row.unwrap();
    assert!(row.contains("ingest") && row.contains("active") && row.contains("prod"));
    assert!(
        row.contains(&secret[..11]) && !row.contains(secret),
        "{row}"
    );
    let id = row.split(' ').next().unwrap();
    success(&tocsin.command_line(&["token", "revoke", id], "").await);
    wait_until("the token is rejected", || async {
        deliver().await.status == 401
    })
    .await;
    let detail = deliver().await.problem(401).detail;
    assert!(detail.contains("revoked"), "{detail}");

    for (args, code, word) in [
        (&["--scope", "ingest,read"][..], 1, "cannot be combined"),
        (&["--scope", "read", "--source", "x"], 1, "source"),
        (&["--role", "admin", "--matcher", "team=x"], 1, "matchers"),
        (
            &["--scope", "read", "--matcher", "team=~("],
            1,
            "matchers[0]",
        ),
        (&[], 2, "--scope"),
        (&["--scope", "everything"], 2, "everything"),
        (&["--scope", "read", "--role", "admin"], 2, "--role"),
        (&["--scope", "read", "--expires-in", "soon"], 2, "90s"),
    ] {
        let args = [&["token", "add", "--name", "x"], args].concat();
        let output = tocsin.command_line(&args, "").await;
        assert!(failure(&output, code).contains(word), "{output:?}");
    }
    let missing = tocsin.command_line(&["token", "revoke", "9999"], "").await;
    assert!(failure(&missing, 1).contains("9999"));
}

async fn concurrent_commands_wait_for_each_other(database: Database) {
    let tocsin = start(database).await;
    let names: Vec<String> = (0..8).map(|index| format!("u{index}")).collect();
    let created = futures::future::join_all(names.iter().map(|name| add(&tocsin, name, "viewer")));
    let (created, _) = tokio::join!(created, async {
        for index in 0..20 {
            tocsin
                .post(&Webhook::of([firing(&format!("A{index}"))]))
                .await;
        }
    });
    for created in &created {
        success(created);
    }
    let listed = tocsin.command_line(&["user", "list"], "").await;
    assert_eq!(success(&listed).lines().count(), 9);
}

async fn set_up_link_creates_one_administrator(database: Database) {
    let mut tocsin = start(database).await;
    let log = tocsin.log();
    let link = log.lines().find(|line| line.contains("/set-up#")).unwrap();
    let (page, token) = link.trim().split_once('#').unwrap();
    assert_eq!(page, tocsin.url("/set-up"));
    let set_up = async |tocsin: &Tocsin, token: &str, name: &str| {
        let body = json!({
            "token": token, "name": name, "email": format!("{name}@example.com"),
            "password": PASSWORD,
        });
        let mut browser = BrowserSession::new();
        let created = browser
            .send_json(tocsin, Method::POST, "/api/v1/set-up", &body)
            .await;
        (browser, created)
    };
    let (_, unknown) = set_up(
        &tocsin,
        &token.replace(|c: char| c.is_ascii_digit(), "x"),
        "kim",
    )
    .await;
    unknown.problem(403);
    // A restart creates a new link; earlier links stay valid.
    stop(&mut tocsin).await;
    tocsin.restart().await;
    let (first, second) =
        tokio::join!(set_up(&tocsin, token, "kim"), set_up(&tocsin, token, "lou"),);
    let (won, lost) = match first.1.status.as_u16() {
        201 => (first, second),
        _ => (second, first),
    };
    let (mut browser, created) = won;
    created.expect(201);
    lost.1.problem(409);
    let me = browser.request(&tocsin, Method::GET, "/api/v1/me").await;
    assert_eq!(me.expect(200).json::<serde_json::Value>()["role"], "admin");
    stop(&mut tocsin).await;
    tocsin.restart().await;
    let log = tocsin.log();
    assert!(!log.contains("/set-up#"), "{log}");
    assert!(log.contains("Sign in at http://"), "{log}");
}

async fn stop(tocsin: &mut Tocsin) {
    tocsin.terminate();
    assert!(tocsin.wait_for_exit().await.success());
}

/// A server of an earlier version may be using the database, so commands do not migrate
/// its schema.
#[tokio::test]
async fn commands_do_not_migrate_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = workspace().join("tests/fixtures/before-0002/sqlite.db.gz");
    let mut old = Vec::new();
    let compressed = File::open(fixture).unwrap();
    GzDecoder::new(compressed).read_to_end(&mut old).unwrap();
    fs::write(folder.path().join("tocsin.sqlite"), &old).unwrap();
    let lock = File::create(folder.path().join("tocsin.sqlite.lock")).unwrap();
    lock.lock().unwrap();
    let list = || run(folder.path(), &["user", "list"], &[("data_dir", ".")]);
    let output = list();
    assert!(failure(&output, 2).contains("tocsin migrate"), "{output:?}");
    drop(lock);
    assert_eq!(success(&list()).lines().count(), 1);
}
