//! Sessions: scope of their cookies, and their end.

use reqwest::Method;
use serde_json::json;
use tocsin_api_types::{Me, Page, Session, SignInOptions};
use tocsin_tests::{BrowserSession, Database, Options, Reply, Tocsin, on_both, wait_until};

use super::sign_in::{ANN, ME, PASSWORD, SIGN_IN, add_user, ann, is_signed_in, start};

on_both!(sessions_are_listed_and_revoked);

const SESSIONS: &str = "/api/v1/me/sessions";

/// Cookie name prefixes restrict where browsers send the cookie.
#[tokio::test]
async fn session_cookie_is_secure_behind_tls() {
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
        let mut browser = BrowserSession::new();
        let reply = browser.sign_in(&tocsin, ANN, PASSWORD).await.expect(200);
        let cookie = reply.header("set-cookie");
        assert!(cookie.starts_with(&format!("{name}=")), "{cookie}");
        assert_eq!(cookie.contains("; Secure"), public_url.starts_with("https"));
        assert!(cookie.split("; ").any(|part| part == path), "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
        assert!(is_signed_in(&mut browser, &tocsin).await);
        // A cookie under the wrong prefix is ignored.
        let secret = browser.cookies(&tocsin)[name].clone();
        let mut other = BrowserSession::new();
        let wrong = if name == "tocsin" {
            "__Host-tocsin"
        } else {
            "tocsin"
        };
        other.set_cookie(&tocsin, wrong, &secret);
        assert!(!is_signed_in(&mut other, &tocsin).await);
    }
}

#[tokio::test]
async fn cross_site_requests_cannot_use_the_cookie() {
    let tocsin = start(Options::default()).await;
    let mut browser = ann(&tocsin).await;
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
        let reply = browser.request_with(&tocsin, Method::PUT, ME, &headers, Some(&body));
        let reply = reply.await;
        assert_eq!(reply.status, status, "{header}: {value}");
        if status == 403 {
            assert_eq!(reply.problem(403).kind, "urn:tocsin:problem:cross-site");
        }
        // Nor can they sign a user in or out.
        let sign_in = json!({"email": ANN, "password": PASSWORD});
        let mut other = BrowserSession::new();
        let reply = other.request_with(&tocsin, Method::POST, SIGN_IN, &headers, Some(&sign_in));
        assert_eq!(reply.await.status, status, "{header}: {value}");
    }
    // A form cannot send JSON.
    let headers = [("content-type", "text/plain")];
    let reply = browser
        .request_with(&tocsin, Method::PUT, ME, &headers, None)
        .await;
    reply.problem(415);
    let cross = [("sec-fetch-site", "cross-site")];
    let reply = browser.request_with(&tocsin, Method::POST, "/api/v1/sign-out", &cross, None);
    reply.await.problem(403);
    assert!(is_signed_in(&mut browser, &tocsin).await);
}

async fn sessions(browser: &mut BrowserSession, tocsin: &Tocsin) -> Vec<Session> {
    let page = browser.request(tocsin, Method::GET, SESSIONS).await;
    page.json::<Page<Session>>().items
}

async fn sessions_are_listed_and_revoked(database: Database) {
    let tocsin = start(Options::on(database)).await;
    let (mut first, mut second, mut third) =
        (ann(&tocsin).await, ann(&tocsin).await, ann(&tocsin).await);
    let all = sessions(&mut first, &tocsin).await;
    assert_eq!(all.len(), 3);
    let current: Vec<_> = all.iter().map(|session| session.current).collect();
    assert_eq!(current, [false, false, true], "the newest first");
    assert!(all.iter().all(|session| session.address == "127.0.0.1"));
    let id = all[1].id;
    // Sessions of other users are not found.
    add_user(&tocsin, "Bob", "bob@example.com").await;
    let mut bob = BrowserSession::new();
    bob.sign_in(&tocsin, "bob@example.com", PASSWORD)
        .await
        .expect(200);
    let path = format!("{SESSIONS}/{id}");
    bob.request(&tocsin, Method::DELETE, &path)
        .await
        .problem(404);
    assert_eq!(sessions(&mut bob, &tocsin).await.len(), 1);

    first
        .request(&tocsin, Method::DELETE, &path)
        .await
        .expect(204);
    assert!(!is_signed_in(&mut second, &tocsin).await);
    assert!(is_signed_in(&mut third, &tocsin).await);
    first
        .request(&tocsin, Method::DELETE, &path)
        .await
        .problem(404);
    first
        .request(&tocsin, Method::DELETE, SESSIONS)
        .await
        .expect(204);
    assert!(!is_signed_in(&mut third, &tocsin).await);
    let left = sessions(&mut first, &tocsin).await;
    assert_eq!(left.len(), 1);
    // Revoking the current session signs out.
    let path = format!("{SESSIONS}/{}", left[0].id);
    first
        .request(&tocsin, Method::DELETE, &path)
        .await
        .expect(204);
    assert!(first.cookies(&tocsin).is_empty());
    assert!(is_signed_in(&mut bob, &tocsin).await);
}

#[tokio::test]
async fn password_change_ends_other_sessions() {
    let tocsin = start(Options::default()).await;
    let (mut current_browser, mut other_browser) = (ann(&tocsin).await, ann(&tocsin).await);
    let path = "/api/v1/me/password";
    let change = async |browser: &mut BrowserSession, current: &str, new: &str| -> Reply {
        let body = json!({"current": current, "new": new});
        browser.send_json(&tocsin, Method::PUT, path, &body).await
    };
    let new = "nine green doors open";
    let wrong = change(&mut current_browser, "not the password", new).await;
    assert_eq!(wrong.fields(422), ["current"]);
    for weak in ["short", "password1234", "ann@example.com", "tocsintocsin"] {
        let rejected = change(&mut current_browser, PASSWORD, weak).await;
        assert_eq!(rejected.fields(rejected.status.as_u16()), ["new"], "{weak}");
        assert!([400, 422].contains(&rejected.status.as_u16()), "{weak}");
    }
    assert!(is_signed_in(&mut other_browser, &tocsin).await);
    change(&mut current_browser, PASSWORD, new)
        .await
        .expect(204);
    assert!(is_signed_in(&mut current_browser, &tocsin).await);
    assert!(!is_signed_in(&mut other_browser, &tocsin).await);
    other_browser
        .sign_in(&tocsin, ANN, PASSWORD)
        .await
        .problem(401);
    other_browser.sign_in(&tocsin, ANN, new).await.expect(200);
    // A token has no password to change.
    let body = json!({"current": PASSWORD, "new": new});
    tocsin.send(Method::PUT, path, &body).await.problem(403);
}

#[tokio::test]
async fn disabled_user_is_signed_out_immediately() {
    let tocsin = start(Options::default()).await;
    let mut browser = ann(&tocsin).await;
    let id = browser
        .request(&tocsin, Method::GET, ME)
        .await
        .json::<Me>()
        .id;
    let path = format!("/api/v1/users/{}", id.unwrap());
    let user = json!({"name": "Ann", "email": ANN, "role": "responder", "enabled": false});
    tocsin.send(Method::PUT, &path, &user).await.expect(200);
    assert!(!is_signed_in(&mut browser, &tocsin).await);
    browser.sign_in(&tocsin, ANN, PASSWORD).await.problem(401);
}

/// Moves the timestamps of all sessions into the past, as the clock cannot be changed.
fn make_older(tocsin: &Tocsin, column: &str, hours: i64) {
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
async fn sessions_expire_when_idle_and_by_age() {
    for (column, kept, ended) in [("seen_at", 11, 2), ("expires_at", 13 * 24, 25)] {
        let tocsin = start(Options::default()).await;
        let mut browser = ann(&tocsin).await;
        make_older(&tocsin, column, kept);
        if column == "expires_at" {
            // Session data is cached for a second.
            assert!(is_signed_in(&mut browser, &tocsin).await);
        }
        make_older(&tocsin, column, ended);
        let browser = tokio::sync::Mutex::new(browser);
        wait_until("the session has ended", || async {
            !is_signed_in(&mut *browser.lock().await, &tocsin).await
        })
        .await;
        let mut browser = browser.into_inner();
        let reply = browser.request(&tocsin, Method::GET, ME).await;
        assert!(reply.problem(401).detail.contains("session"));
        let options: SignInOptions = browser.request(&tocsin, Method::GET, SIGN_IN).await.json();
        assert!(options.password);
        browser.sign_in(&tocsin, ANN, PASSWORD).await.expect(200);
    }
}
