//! Sessions: what their cookies are worth, and when they end.

use reqwest::Method;
use serde_json::json;
use tocsin_api_types::{Me, Page, Session, SignInOptions};
use tocsin_tests::{BrowserSession, Database, Options, Reply, Tocsin, on_both, wait_until};

use super::sign_in::{ANN, ME, PASSWORD, SIGN_IN, add_user, ann, is_in, start};

on_both!(sessions_are_listed_and_ended);

const SESSIONS: &str = "/api/v1/me/sessions";

/// The names of cookies say where the browser may send them.
#[tokio::test]
async fn behind_tls_the_cookie_is_bound_to_it() {
    for (public_url, name, path) in [
        ("https://tocsin.example.com/", "__Host-tocsin", "Path=/"),
        (
            "https://ops.example.com/tocsin/",
            "__Secure-tocsin",
            "Path=/tocsin/",
        ),
        (
            "http://tocsin.example.com/tocsin/",
            "tocsin",
            "Path=/tocsin/",
        ),
    ] {
        let tocsin = start(Options::default().set("server.public_url", public_url)).await;
        let mut visitor = BrowserSession::new();
        let reply = visitor.sign_in(&tocsin, ANN, PASSWORD).await.expect(200);
        let cookie = reply.header("set-cookie");
        assert!(cookie.starts_with(&format!("{name}=")), "{cookie}");
        assert_eq!(cookie.contains("; Secure"), public_url.starts_with("https"));
        assert!(cookie.split("; ").any(|part| part == path), "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
        assert!(is_in(&mut visitor, &tocsin).await);
        // The name without its promise is not taken.
        let secret = visitor.cookies(&tocsin)[name].clone();
        let mut other = BrowserSession::new();
        let wrong = if name == "tocsin" {
            "__Host-tocsin"
        } else {
            "tocsin"
        };
        other.plant(&tocsin, wrong, &secret);
        assert!(!is_in(&mut other, &tocsin).await);
    }
}

#[tokio::test]
async fn pages_of_other_sites_cannot_use_the_cookie() {
    let tocsin = start(Options::default()).await;
    let mut visitor = ann(&tocsin).await;
    let own = format!("http://127.0.0.1:{}", tocsin.port());
    let body = json!({"name": "Ann the Second"});
    for (header, value, status) in [
        ("origin", own.as_str(), 200),
        ("sec-fetch-site", "same-origin", 200),
        ("origin", "https://evil.example.net", 403),
        ("origin", "null", 403),
        ("origin", "http://127.0.0.1:1", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
    ] {
        let headers = [(header, value)];
        let reply = visitor.ask_with(&tocsin, Method::PUT, ME, &headers, Some(&body));
        let reply = reply.await;
        assert_eq!(reply.status, status, "{header}: {value}");
        if status == 403 {
            assert_eq!(reply.problem(403).kind, "urn:tocsin:problem:cross-site");
        }
        // Nor sign somebody in or out.
        let sign_in = json!({"email": ANN, "password": PASSWORD});
        let mut stranger = BrowserSession::new();
        let reply = stranger.ask_with(&tocsin, Method::POST, SIGN_IN, &headers, Some(&sign_in));
        assert_eq!(reply.await.status, status, "{header}: {value}");
    }
    // What a form can send is no JSON.
    let headers = [("content-type", "text/plain")];
    let reply = visitor
        .ask_with(&tocsin, Method::PUT, ME, &headers, None)
        .await;
    reply.problem(415);
    let cross = [("sec-fetch-site", "cross-site")];
    let reply = visitor.ask_with(&tocsin, Method::POST, "/api/v1/sign-out", &cross, None);
    reply.await.problem(403);
    assert!(is_in(&mut visitor, &tocsin).await);
}

async fn sessions(visitor: &mut BrowserSession, tocsin: &Tocsin) -> Vec<Session> {
    let page = visitor.ask(tocsin, Method::GET, SESSIONS).await;
    page.json::<Page<Session>>().items
}

async fn sessions_are_listed_and_ended(database: Database) {
    let tocsin = start(Options::on(database)).await;
    let (mut first, mut second, mut third) =
        (ann(&tocsin).await, ann(&tocsin).await, ann(&tocsin).await);
    let all = sessions(&mut first, &tocsin).await;
    assert_eq!(all.len(), 3);
    let current: Vec<_> = all.iter().map(|session| session.current).collect();
    assert_eq!(current, [false, false, true], "the newest first");
    assert!(all.iter().all(|session| session.address == "127.0.0.1"));
    let id = all[1].id;
    // Somebody else's are not there.
    add_user(&tocsin, "Bob", "bob@example.com").await;
    let mut bob = BrowserSession::new();
    bob.sign_in(&tocsin, "bob@example.com", PASSWORD)
        .await
        .expect(200);
    let path = format!("{SESSIONS}/{id}");
    bob.ask(&tocsin, Method::DELETE, &path).await.problem(404);
    assert_eq!(sessions(&mut bob, &tocsin).await.len(), 1);

    first.ask(&tocsin, Method::DELETE, &path).await.expect(204);
    assert!(!is_in(&mut second, &tocsin).await);
    assert!(is_in(&mut third, &tocsin).await);
    first.ask(&tocsin, Method::DELETE, &path).await.problem(404);
    first
        .ask(&tocsin, Method::DELETE, SESSIONS)
        .await
        .expect(204);
    assert!(!is_in(&mut third, &tocsin).await);
    let left = sessions(&mut first, &tocsin).await;
    assert_eq!(left.len(), 1);
    // Its own: as signing out.
    let path = format!("{SESSIONS}/{}", left[0].id);
    first.ask(&tocsin, Method::DELETE, &path).await.expect(204);
    assert!(first.cookies(&tocsin).is_empty());
    assert!(is_in(&mut bob, &tocsin).await);
}

#[tokio::test]
async fn another_password_ends_the_other_sessions() {
    let tocsin = start(Options::default()).await;
    let (mut here, mut there) = (ann(&tocsin).await, ann(&tocsin).await);
    let path = "/api/v1/me/password";
    let change = async |visitor: &mut BrowserSession, current: &str, new: &str| -> Reply {
        let body = json!({"current": current, "new": new});
        visitor.tell(&tocsin, Method::PUT, path, &body).await
    };
    let new = "nine green doors open";
    let wrong = change(&mut here, "not the password", new).await;
    assert_eq!(wrong.fields(422), ["current"]);
    for weak in ["short", "password1234", "ann@example.com", "tocsintocsin"] {
        let refused = change(&mut here, PASSWORD, weak).await;
        assert_eq!(refused.fields(refused.status.as_u16()), ["new"], "{weak}");
        assert!([400, 422].contains(&refused.status.as_u16()), "{weak}");
    }
    assert!(is_in(&mut there, &tocsin).await);
    change(&mut here, PASSWORD, new).await.expect(204);
    assert!(is_in(&mut here, &tocsin).await);
    assert!(!is_in(&mut there, &tocsin).await);
    there.sign_in(&tocsin, ANN, PASSWORD).await.problem(401);
    there.sign_in(&tocsin, ANN, new).await.expect(200);
    // A token has no password to change.
    let body = json!({"current": PASSWORD, "new": new});
    tocsin.send(Method::PUT, path, &body).await.problem(403);
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once() {
    let tocsin = start(Options::default()).await;
    let mut visitor = ann(&tocsin).await;
    let id = visitor.ask(&tocsin, Method::GET, ME).await.json::<Me>().id;
    let path = format!("/api/v1/users/{}", id.unwrap());
    let user = json!({"name": "Ann", "email": ANN, "role": "responder", "enabled": false});
    tocsin.send(Method::PUT, &path, &user).await.expect(200);
    assert!(!is_in(&mut visitor, &tocsin).await);
    visitor.sign_in(&tocsin, ANN, PASSWORD).await.problem(401);
}

/// The clock cannot be moved from outside, so the session is made older.
fn age(tocsin: &Tocsin, column: &str, hours: i64) {
    let code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=20); \
                c.execute(sys.argv[2]); c.commit()";
    let micros = hours * 3_600_000_000;
    let sql = format!("UPDATE sessions SET {column} = {column} - {micros}");
    let status =
        std::process::Command::new(tocsin_tests::program(&tocsin_machine::PYTHON_WITH_SMTP))
            .args(["-c", code])
            .arg(tocsin.data_dir().join("tocsin.sqlite"))
            .arg(sql)
            .status();
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn sessions_end_unused_and_in_the_end() {
    for (column, kept, ended) in [("seen_at", 11, 2), ("expires_at", 13 * 24, 25)] {
        let tocsin = start(Options::default()).await;
        let mut visitor = ann(&tocsin).await;
        age(&tocsin, column, kept);
        if column == "expires_at" {
            // What was read of a session is used for a second.
            assert!(is_in(&mut visitor, &tocsin).await);
        }
        age(&tocsin, column, ended);
        let visitor = tokio::sync::Mutex::new(visitor);
        wait_until("the session has ended", || async {
            !is_in(&mut *visitor.lock().await, &tocsin).await
        })
        .await;
        let mut visitor = visitor.into_inner();
        let reply = visitor.ask(&tocsin, Method::GET, ME).await;
        assert!(reply.problem(401).detail.contains("session"));
        let ways: SignInOptions = visitor.ask(&tocsin, Method::GET, SIGN_IN).await.json();
        assert!(ways.password);
        visitor.sign_in(&tocsin, ANN, PASSWORD).await.expect(200);
    }
}
