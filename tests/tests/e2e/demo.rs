//! The demo.

use reqwest::Method;
use serde_json::Value;
use tocsin_api_types::{Me, Role, SignInOptions};
use tocsin_tests::{BrowserSession, Options, Tocsin, eventually};

/// Each demo generates a password for its administrator, which is printed but not logged.
#[tokio::test]
async fn demo_prints_its_credentials() {
    let tocsin = Tocsin::start(Options::default().demo()).await;
    let printed = |name: &'static str| {
        let tocsin = &tocsin;
        eventually("the credentials", move || {
            let log = tocsin.log();
            async move {
                let mut lines = log.lines().map(str::trim);
                let line = lines.find(|line| line.starts_with(name))?;
                Some(line[name.len()..].trim().to_owned())
            }
        })
    };
    let (email, password) = (printed("e-mail").await, printed("password").await);
    let mut browser = BrowserSession::new();
    browser
        .sign_in(&tocsin, &email, &password)
        .await
        .expect(200);
    let me: Me = browser
        .request(&tocsin, Method::GET, "/api/v1/me")
        .await
        .json();
    assert_eq!((me.email.as_deref(), me.role), (Some(&*email), Role::Admin));
    let options: SignInOptions = browser
        .request(&tocsin, Method::GET, "/api/v1/sign-in")
        .await
        .json();
    assert!(options.demo && !options.set_up);
    let found: Value = browser
        .request(&tocsin, Method::GET, "/api/v1/incidents")
        .await
        .json();
    assert!(!found["items"].as_array().unwrap().is_empty());
    let log = tocsin.log();
    let logged = log.lines().filter(|line| line.starts_with('{'));
    assert_eq!(logged.filter(|line| line.contains(&password)).count(), 0);
}
