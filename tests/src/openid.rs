//! The real OpenID provider of `tests/oidc/provider.js`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tocsin_machine::NODE;

use crate::http_client;
use crate::process::{program, workspace};

/// What the provider wants to hear from the program.
const SECRET: &str = "the-provider-knows-this-4711";

/// A running provider; it ends with this value.
#[derive(Debug)]
pub struct OpenIdProvider {
    child: Child,
    settings: Value,
    /// Its address, as it writes it itself.
    pub issuer: String,
    http: reqwest::Client,
}

impl OpenIdProvider {
    /// One that says who somebody is where the standard wants it: in user info.
    pub fn start() -> Self {
        Self::start_with(json!({}))
    }

    /// One with these settings besides.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_with(mut settings: Value) -> Self {
        settings["secret"] = json!(SECRET);
        let (child, issuer) = spawn(&settings);
        let http = http_client().build();
        Self {
            child,
            settings,
            issuer,
            http: http.expect("an HTTP client"),
        }
    }

    /// The program's settings for it, without the section's head: `groups` are
    /// further lines.
    #[must_use]
    pub fn config(&self, more: &str) -> String {
        format!(
            "[auth.oidc]\nissuer = \"{}\"\nclient_id = \"tocsin\"\nclient_secret = \"{SECRET}\"\n\
             name = \"Example login\"\nscopes = [\"openid\", \"email\", \"profile\", \"groups\"]\n{more}",
            self.issuer
        )
    }

    /// What only it and the program may know.
    #[must_use]
    pub fn secret(&self) -> &'static str {
        SECRET
    }

    /// Whoever comes from now on is this person; null says no.
    pub async fn person(&self, person: &Value) {
        self.put("person", person).await;
    }

    /// Signs with a new key from now on, and knows the old one no more.
    pub async fn new_keys(&self) {
        self.put("keys", &Value::Null).await;
    }

    async fn put(&self, what: &str, value: &Value) {
        let request = self.http.put(format!("{}/{what}", self.issuer));
        let answer = request.json(value).send().await.expect("the provider");
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    /// It is gone, as in an outage.
    ///
    /// # Panics
    /// It is gone already.
    pub fn stop(&mut self) {
        self.child.kill().expect("the provider is killed");
        self.child.wait().expect("the provider is gone");
    }

    /// It is back, where it was, with new keys.
    pub fn start_again(&mut self) {
        let mut settings = self.settings.clone();
        let (_, port) = self.issuer.rsplit_once(':').expect("a port");
        settings["port"] = json!(port.parse::<u16>().expect("a port"));
        let (child, issuer) = spawn(&settings);
        assert_eq!(issuer, self.issuer);
        self.child = child;
    }
}

fn spawn(settings: &Value) -> (Child, String) {
    let mut child = Command::new(program(&NODE))
        .arg("provider.js")
        .arg(settings.to_string())
        .current_dir(workspace().join("tests/oidc"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Node.js starts");
    let stdout = BufReader::new(child.stdout.take().expect("standard output"));
    let mut lines = stdout.lines().map_while(Result::ok);
    let ready = lines.find_map(|line| {
        let ready: Value = serde_json::from_str(&line).ok()?;
        Some(ready.get("issuer")?.as_str()?.to_owned())
    });
    let issuer = ready.expect(
        "the OpenID provider did not start: `npm install` in tests/oidc, or `cargo xtask test --only e2e`",
    );
    // It must not wait for somebody to read.
    std::thread::spawn(move || lines.for_each(drop));
    (child, issuer)
}

impl Drop for OpenIdProvider {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
