//! The demo, as somebody meets it who looks around first.

use reqwest::Method;
use serde_json::Value;
use tocsin_api_types::{Me, Role, SignInOptions};
use tocsin_tests::{BrowserSession, Options, Tocsin, eventually};

/// The demo's administrator has a password of its own each time, which is printed
/// and not logged.
#[tokio::test]
async fn the_demo_prints_who_to_sign_in_as() {
    let tocsin = Tocsin::start(Options::default().demo()).await;
    let said = |name: &'static str| {
        let tocsin = &tocsin;
        eventually("what is printed", move || {
            let log = tocsin.log();
            async move {
                let mut lines = log.lines().map(str::trim);
                let line = lines.find(|line| line.starts_with(name))?;
                Some(line[name.len()..].trim().to_owned())
            }
        })
    };
    let (email, password) = (said("e-mail").await, said("password").await);
    let mut visitor = BrowserSession::new();
    visitor
        .sign_in(&tocsin, &email, &password)
        .await
        .expect(200);
    let me: Me = visitor.ask(&tocsin, Method::GET, "/api/v1/me").await.json();
    assert_eq!((me.email.as_deref(), me.role), (Some(&*email), Role::Admin));
    let options: SignInOptions = visitor
        .ask(&tocsin, Method::GET, "/api/v1/sign-in")
        .await
        .json();
    assert!(options.demo && !options.set_up);
    let found: Value = visitor
        .ask(&tocsin, Method::GET, "/api/v1/incidents")
        .await
        .json();
    assert!(!found["items"].as_array().unwrap().is_empty());
    let log = tocsin.log();
    let logged = log.lines().filter(|line| line.starts_with('{'));
    assert_eq!(logged.filter(|line| line.contains(&password)).count(), 0);
}
