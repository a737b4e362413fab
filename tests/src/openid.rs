//! The real OpenID provider of `tests/oidc/provider.js`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tocsin_machine::NODE;

use crate::http_client;
use crate::process::{program, workspace};

/// The client secret.
const SECRET: &str = "the-provider-knows-this-4711";

/// A running provider; it stops when this value is dropped.
#[derive(Debug)]
pub struct OpenIdProvider {
    child: Child,
    settings: Value,
    /// Its issuer URL.
    pub issuer: String,
    http: reqwest::Client,
}

impl OpenIdProvider {
    /// A provider that returns the user's claims where the standard puts them: in user info.
    pub fn start() -> Self {
        Self::start_with(json!({}))
    }

    /// A provider with these additional settings.
    ///
    /// # Panics
    /// If it does not start.
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

    /// The program's settings for this provider. `more` is appended to the section.
    #[must_use]
    pub fn config(&self, more: &str) -> String {
        format!(
            "[auth.oidc]\nissuer = \"{}\"\nclient_id = \"tocsin\"\nclient_secret = \"{SECRET}\"\n\
             name = \"Example login\"\nscopes = [\"openid\", \"email\", \"profile\", \"groups\"]\n{more}",
            self.issuer
        )
    }

    /// The client secret.
    #[must_use]
    pub fn secret(&self) -> &'static str {
        SECRET
    }

    /// Sets the user of all later sign-ins; null denies them.
    pub async fn set_user(&self, person: &Value) {
        self.put("person", person).await;
    }

    /// Replaces the signing keys.
    pub async fn rotate_keys(&self) {
        self.put("keys", &Value::Null).await;
    }

    async fn put(&self, what: &str, value: &Value) {
        let request = self.http.put(format!("{}/{what}", self.issuer));
        let answer = request.json(value).send().await.expect("the provider");
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    /// Stops it, as in an outage.
    ///
    /// # Panics
    /// If it is not running.
    pub fn stop(&mut self) {
        self.child.kill().expect("the provider is killed");
        self.child.wait().expect("the provider ends");
    }

    /// Starts it again on the same port, with new keys.
    pub fn restart(&mut self) {
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
    // Drain its output, so that it never blocks.
    std::thread::spawn(move || lines.for_each(drop));
    (child, issuer)
}

impl Drop for OpenIdProvider {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
