//! The settings and their example, precedence of sources, and redaction of secrets.

use std::collections::BTreeSet;

use super::keys::{KEYS, variable};
use super::{Flags, Settings, load};

const EXAMPLE: &str = include_str!("../../../../tocsin.example.toml");

fn load_text(text: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let flags = Flags {
        config: Some(file.path().to_owned()),
        ..Flags::default()
    };
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load(&flags, variables).map_err(|error| error.to_string())
}

pub(super) fn error(text: &str) -> String {
    load_text(text, &[])
        .err()
        .unwrap_or_else(|| panic!("accepted: {text}"))
}

/// The example with its commented-out keys enabled, except the second of each pair of exclusive
/// keys.
fn enabled_example() -> String {
    let is_key = |line: &str| {
        line.starts_with('[')
            || line
                .split_once(" = ")
                .is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    };
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest) if is_key(rest) => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_equals_the_defaults() {
    let example = load_text(EXAMPLE, &[]).unwrap();
    let defaults = load(&Flags::default(), std::iter::empty()).unwrap();
    assert_eq!(
        toml::to_string(&example.sections).unwrap(),
        toml::to_string(&defaults.sections).unwrap()
    );
}

#[test]
fn the_example_names_every_key() {
    let table: toml::Table = enabled_example().parse().unwrap();
    for (key, _) in KEYS {
        let found = key
            .split('.')
            .try_fold(&toml::Value::Table(table.clone()), |value, part| {
                value.get(part)
            })
            .is_some();
        assert!(found, "{key} is missing from tocsin.example.toml");
    }
    let token = &table["ingest"]["tokens"][0];
    for key in ["name", "token", "token_file", "source"] {
        assert!(token.get(key).is_some(), "ingest.tokens[].{key} is missing");
    }
    let token = &table["auth"]["tokens"][0];
    for key in ["name", "token", "token_file", "scope"] {
        assert!(token.get(key).is_some(), "auth.tokens[].{key} is missing");
    }
    let rule = &table["retention"]["rules"][0];
    for key in ["matchers", "keep"] {
        assert!(
            rule.get(key).is_some(),
            "retention.rules[].{key} is missing"
        );
    }
}

#[test]
fn all_keys_of_the_example_are_accepted() {
    let text = enabled_example();
    let text: Vec<_> = text
        .lines()
        .filter(|line| {
            let names_a_file = line.contains("_file = ") || line.starts_with("template_dir");
            !names_a_file && *line != "[server.tls]"
        })
        .map(|line| {
            if line.starts_with("from = \"") {
                "from = \"Tocsin <a@example.com>\""
            } else {
                line
            }
        })
        .collect();
    let settings = load_text(&text.join("\n"), &[]).unwrap();
    assert_eq!(settings.tokens.len(), 1);
    assert_eq!(settings.retention.log.rules.len(), 1);
    assert_eq!(settings.auth.oidc.unwrap().name, "Single sign-on");
    assert_eq!(settings.auth.proxy.unwrap().from.len(), 1);
    assert_eq!(settings.smtp.unwrap().host, "smtp.example.com");
    assert_eq!(settings.from.email, "a@example.com");
}

/// Serde's error for an unknown key lists the keys of its section; the table of keys is compared
/// with these.
#[test]
fn the_table_of_keys_is_complete() {
    let mut keys_of_types = BTreeSet::new();
    for section in [
        "",
        "server",
        "server.tls",
        "database",
        "auth",
        "auth.oidc",
        "auth.proxy",
        "limits",
        "ingest",
        "incidents",
        "mail",
        "mail.smtp",
        "retention",
        "log",
    ] {
        let text = match section {
            "" => "zzz = 1".to_owned(),
            section => format!("[{section}]\nzzz = 1"),
        };
        let message = error(&text);
        let keys = message
            .split_once("expected one of")
            .or(message.split_once("expected"))
            .unwrap()
            .1;
        for key in keys.split('`').skip(1).step_by(2) {
            keys_of_types.insert(if section.is_empty() {
                key.to_owned()
            } else {
                format!("{section}.{key}")
            });
        }
    }
    for section in [
        "server",
        "server.tls",
        "database",
        "auth",
        "auth.oidc",
        "auth.proxy",
        "limits",
        "ingest",
        "incidents",
        "mail",
        "mail.smtp",
        "retention",
        "log",
    ] {
        assert!(keys_of_types.remove(section), "{section}");
    }
    let table: BTreeSet<_> = KEYS.into_iter().map(|(key, _)| key.to_owned()).collect();
    assert_eq!(keys_of_types, table);
}

#[test]
fn variables_override_the_file_and_are_named() {
    let settings = load_text(
        "[server]\nlisten = \"127.0.0.1:1\"",
        &[
            ("TOCSIN_SERVER_LISTEN", "127.0.0.1:2"),
            ("TOCSIN_AUTH_PASSWORD_SIGN_IN", "true"),
            ("TOCSIN_SERVER_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1"),
            (
                "TOCSIN_INGEST_TOKENS",
                r#"[{"name": "a", "token": "x"}, {"name": "b", "token": "y", "source": "s"}]"#,
            ),
            ("TOCSIN_LOG", "debug"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(settings.listen.port(), 2);
    assert_eq!(settings.trusted_proxies.len(), 2);
    assert_eq!(settings.tokens.len(), 2);

    let toml_list = load_text(
        "",
        &[("TOCSIN_INGEST_TOKENS", r#"[{name = "a", token = "x"}]"#)],
    )
    .unwrap();
    assert_eq!(toml_list.tokens.len(), 1);

    for (name, value, expected) in [
        (
            "TOCSIN_SERVER_LISTEN",
            "nonsense",
            "(from TOCSIN_SERVER_LISTEN)",
        ),
        (
            "TOCSIN_MAIL_SMTP_PORT",
            "many",
            "mail.smtp.port: expected an integer (from TOCSIN_MAIL_SMTP_PORT)",
        ),
        (
            "TOCSIN_INGEST_TOKENS",
            "secret",
            "ingest.tokens: expected a list",
        ),
        (
            "TOCSIN_SERVER_LISTN",
            "127.0.0.1:1",
            "TOCSIN_SERVER_LISTN is not a setting",
        ),
    ] {
        let error = load_text("", &[(name, value)]).err().unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_public_address_requires_a_public_url_only_for_oidc() {
    let open = "[server]\nlisten = \"[::]:8080\"\n";
    let settings = load_text(open, &[]).unwrap();
    assert!(!settings.is_on_loopback());
    let oidc = "[auth.oidc]\nissuer = \"https://login.example.com\"\nclient_id = \"tocsin\"\n";
    assert!(
        error(&format!("{open}{oidc}")).starts_with("server.public_url: required by auth.oidc")
    );
    let public = "public_url = \"https://tocsin.example.com\"\n";
    let settings = load_text(&format!("{open}{public}{oidc}"), &[]).unwrap();
    let provider = settings.auth.oidc.unwrap();
    assert_eq!(provider.issuer, "https://login.example.com");
    assert_eq!(provider.scopes, ["openid", "email", "profile"]);
    assert!(provider.client_secret.is_none());
}

#[test]
fn the_removed_admin_password_names_its_replacement() {
    for key in ["admin_password", "admin_password_file"] {
        let error = error(&format!("[auth]\n{key} = \"hunter2\"\n"));
        assert!(
            error.starts_with(&format!("auth.{key}: replaced by user accounts")),
            "{error}"
        );
        assert!(error.contains("tocsin user add --role admin"));
        assert!(!error.contains("hunter2"), "{error}");
        let name = variable(&format!("auth.{key}"));
        let error = load_text("", &[(&name, "hunter2")]).err().unwrap();
        assert!(error.contains("replaced by user accounts"), "{error}");
        assert!(error.ends_with(&format!("(from {name})")), "{error}");
    }
}

#[test]
fn secrets_are_never_shown() {
    let text = "[auth.oidc]\nissuer = \"https://login.example.com\"\nclient_id = \"tocsin\"\nclient_secret = \"hunter2\"\n\
                [database]\nurl = \"postgres://u:hunter2@db.example.com/t\"\n\
                [[ingest.tokens]]\nname = \"a\"\ntoken = \"hunter2\"\n\
                [[auth.tokens]]\nname = \"a\"\ntoken = \"hunter2 \"\nscope = \"admin\"\n";
    let settings = load_text(text, &[]).unwrap();
    assert!(
        !toml::to_string(&settings.sections)
            .unwrap()
            .contains("hunter2")
    );
    // An invalid line is not quoted, because it may contain a secret.
    let broken = error("[auth.oidc]\nclient_secret = \"hunter2\n");
    assert!(!broken.contains("hunter2"), "{broken}");
    assert!(broken.contains("line 2"), "{broken}");
    let wrong_type = error("[auth.oidc]\nclient_secret = [\"hunter2\"]\n");
    assert!(!wrong_type.contains("hunter2"), "{wrong_type}");
}

#[test]
fn every_key_has_its_own_variable() {
    let names: BTreeSet<_> = KEYS.into_iter().map(|(key, _)| variable(key)).collect();
    assert_eq!(names.len(), KEYS.len());
}
