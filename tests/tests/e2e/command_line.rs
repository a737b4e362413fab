//! People and tokens made at the command line, beside the running program; and
//! the link that it prints while there is nobody.

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
    people_come_and_go,
    a_forgotten_password_is_replaced,
    tokens_come_and_go,
    many_at_once_wait_for_each_other,
    the_link_makes_the_first_administrator_once,
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

fn done(finished: &Finished) -> &str {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    &finished.stdout
}

/// What it says when it does nothing: never a password.
fn refused(finished: &Finished, code: i32) -> &str {
    assert_eq!(finished.code, Some(code), "{finished:?}");
    for secret in [PASSWORD, OTHER, "password1234"] {
        assert!(!finished.stderr.contains(secret), "{finished:?}");
    }
    assert_eq!(finished.stdout, "", "{finished:?}");
    &finished.stderr
}

async fn people_come_and_go(database: Database) {
    let tocsin = start(database).await;
    let said = add(&tocsin, "kim", "admin").await;
    assert_eq!(done(&said), "kim@example.com may sign in as admin.\n");
    let mut kim = BrowserSession::new();
    let me = kim.sign_in(&tocsin, "KIM@example.com", PASSWORD).await;
    assert_eq!(me.expect(200).json::<serde_json::Value>()["name"], "kim");

    let cut = "--team-matcher=team=infra";
    let args = [
        "user",
        "add",
        "--email",
        "lou@example.com",
        "--name",
        "路 Lou",
    ];
    let lou = [&args[..], &[cut, "--no-password"]].concat();
    done(&tocsin.command_line(&lou, "").await);
    let listed = tocsin.command_line(&["user", "list"], "").await;
    let rows: Vec<&str> = done(&listed).lines().collect();
    assert_eq!(rows.len(), 3, "{rows:?}");
    let has = |row: &str, words: &[&str]| words.iter().all(|word| row.contains(word));
    assert!(has(rows[1], &["kim@example.com", "admin", "all alerts"]));
    assert!(has(
        rows[2],
        &["路 Lou", "viewer", "never", "team=\"infra\""]
    ));

    let taken = add(&tocsin, "KIM", "viewer").await;
    assert!(refused(&taken, 1).contains("already"), "{taken:?}");
    let weak = tocsin.command_line(
        &["user", "add", "--email", "sam@example.com"],
        "password1234\n",
    );
    assert!(refused(&weak.await, 1).contains("guessed"));
    let nothing = tocsin.command_line(&["user", "add", "--email", "sam@example.com"], "");
    assert!(refused(&nothing.await, 1).contains("standard input"));
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
    assert!(refused(&last, 1).contains("last administrator"));

    done(&add(&tocsin, "sam", "responder").await);
    let mut sam = BrowserSession::new();
    let signed_in = sam.sign_in(&tocsin, "sam@example.com", PASSWORD).await;
    signed_in.expect(200);
    let cookie = format!("tocsin={}", sam.cookies(&tocsin)["tocsin"]);
    let email = ["--email", "sam@example.com"];
    done(
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
    done(
        &tocsin
            .command_line(&[&["user", "enable"], &email[..]].concat(), "")
            .await,
    );
    sam.ask(&tocsin, Method::GET, "/api/v1/me")
        .await
        .problem(401);
    let again = sam.sign_in(&tocsin, "sam@example.com", PASSWORD).await;
    again.expect(200);
}

async fn a_forgotten_password_is_replaced(database: Database) {
    let tocsin = start(database).await;
    done(&add(&tocsin, "kim", "admin").await);
    let mut kim = BrowserSession::new();
    // Locked out, too: the new password opens at once.
    for _ in 0..5 {
        let wrong = kim.sign_in(&tocsin, "kim@example.com", OTHER).await;
        wrong.problem(401);
    }
    let locked = kim.sign_in(&tocsin, "kim@example.com", PASSWORD).await;
    locked.problem(429);
    let args = ["user", "password", "--email", "kim@example.com"];
    let said = tocsin.command_line(&args, OTHER).await;
    assert!(done(&said).contains("ended"), "{said:?}");
    let right = kim.sign_in(&tocsin, "kim@example.com", OTHER).await;
    right.expect(200);
    let old = kim.sign_in(&tocsin, "kim@example.com", PASSWORD).await;
    old.problem(401);
    let args = ["user", "password", "--email", "nobody@example.com"];
    let nobody = tocsin.command_line(&args, OTHER).await;
    assert!(refused(&nobody, 1).contains("nobody@example.com"));
}

async fn tokens_come_and_go(database: Database) {
    let tocsin = start(database).await;
    let args = ["token", "add", "--name", "am", "--scope", "ingest"];
    let args = [&args[..], &["--source", "prod", "--expires-in", "90d"]].concat();
    let made = tocsin.command_line(&args, "").await;
    // The secret, the newline, and nothing else.
    let secret = done(&made).strip_suffix('\n').unwrap();
    assert!(
        secret.starts_with("tocsin_") && secret.len() == 56,
        "{secret}"
    );
    assert!(made.stderr.contains("expires"), "{made:?}");
    assert!(!made.stderr.contains(secret));
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
    let row = done(&listed).lines().find(|line| line.contains(" am "));
    let row = row.unwrap();
    assert!(row.contains("ingest") && row.contains("active") && row.contains("prod"));
    assert!(
        row.contains(&secret[..11]) && !row.contains(secret),
        "{row}"
    );
    let id = row.split(' ').next().unwrap();
    done(&tocsin.command_line(&["token", "revoke", id], "").await);
    wait_until("it opens nothing", || async {
        deliver().await.status == 401
    })
    .await;
    let detail = deliver().await.problem(401).detail;
    assert!(detail.contains("revoked"), "{detail}");

    for (args, code, word) in [
        (&["--scope", "ingest,read"][..], 1, "stands alone"),
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
        let said = tocsin.command_line(&args, "").await;
        assert!(refused(&said, code).contains(word), "{said:?}");
    }
    let missing = tocsin.command_line(&["token", "revoke", "9999"], "").await;
    assert!(refused(&missing, 1).contains("9999"));
}

async fn many_at_once_wait_for_each_other(database: Database) {
    let tocsin = start(database).await;
    let names: Vec<String> = (0..8).map(|index| format!("u{index}")).collect();
    let made = futures::future::join_all(names.iter().map(|name| add(&tocsin, name, "viewer")));
    let (made, _) = tokio::join!(made, async {
        for index in 0..20 {
            tocsin
                .post(&Webhook::of([firing(&format!("A{index}"))]))
                .await;
        }
    });
    for made in &made {
        done(made);
    }
    let listed = tocsin.command_line(&["user", "list"], "").await;
    assert_eq!(done(&listed).lines().count(), 9);
}

async fn the_link_makes_the_first_administrator_once(database: Database) {
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
        let mut visitor = BrowserSession::new();
        let made = visitor
            .tell(tocsin, Method::POST, "/api/v1/set-up", &body)
            .await;
        (visitor, made)
    };
    let (_, unknown) = set_up(
        &tocsin,
        &token.replace(|c: char| c.is_ascii_digit(), "x"),
        "kim",
    )
    .await;
    unknown.problem(403);
    // Another start has another link; those before stay good.
    stop(&mut tocsin).await;
    tocsin.restart().await;
    let (first, second) =
        tokio::join!(set_up(&tocsin, token, "kim"), set_up(&tocsin, token, "lou"),);
    let (won, lost) = match first.1.status.as_u16() {
        201 => (first, second),
        _ => (second, first),
    };
    let (mut visitor, made) = won;
    made.expect(201);
    lost.1.problem(409);
    let me = visitor.ask(&tocsin, Method::GET, "/api/v1/me").await;
    assert_eq!(me.expect(200).json::<serde_json::Value>()["role"], "admin");
    stop(&mut tocsin).await;
    tocsin.restart().await;
    let log = tocsin.log();
    assert!(!log.contains("/set-up#"), "{log}");
    assert!(log.contains("Sign in at http://"), "{log}");
}

async fn stop(tocsin: &mut Tocsin) {
    tocsin.terminate();
    assert!(tocsin.ended().await.success());
}

/// A server of the version before may be using the database: its schema is not
/// changed under it.
#[tokio::test]
async fn the_schema_is_the_servers_affair() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = workspace().join("tests/fixtures/before-0002/sqlite.db.gz");
    let mut old = Vec::new();
    let packed = File::open(fixture).unwrap();
    GzDecoder::new(packed).read_to_end(&mut old).unwrap();
    fs::write(folder.path().join("tocsin.sqlite"), &old).unwrap();
    let lock = File::create(folder.path().join("tocsin.sqlite.lock")).unwrap();
    lock.lock().unwrap();
    let list = || run(folder.path(), &["user", "list"], &[("data_dir", ".")]);
    let said = list();
    assert!(refused(&said, 2).contains("tocsin migrate"), "{said:?}");
    drop(lock);
    assert_eq!(done(&list()).lines().count(), 1);
}
