//! The settings and their example, where values come from, and what is not
//! shown.

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

pub(super) fn refusal(text: &str) -> String {
    load_text(text, &[])
        .err()
        .unwrap_or_else(|| panic!("accepted: {text}"))
}

/// The example with its commented-out keys put in force, but for the second of
/// each pair of which only one may be set.
fn example_in_force() -> String {
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
fn the_example_is_the_defaults() {
    let example = load_text(EXAMPLE, &[]).unwrap();
    let defaults = load(&Flags::default(), std::iter::empty()).unwrap();
    assert_eq!(
        toml::to_string(&example.sections).unwrap(),
        toml::to_string(&defaults.sections).unwrap()
    );
}

#[test]
fn the_example_names_every_key() {
    let table: toml::Table = example_in_force().parse().unwrap();
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
fn everything_in_the_example_can_be_set() {
    let text = example_in_force();
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

/// Serde's answer to an unknown key lists the keys of its section, which is
/// how the table of keys is compared with the types.
#[test]
fn the_table_of_keys_is_complete() {
    let mut known = BTreeSet::new();
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
        let answer = refusal(&text);
        let keys = answer
            .split_once("expected one of")
            .or(answer.split_once("expected"))
            .unwrap()
            .1;
        for key in keys.split('`').skip(1).step_by(2) {
            known.insert(if section.is_empty() {
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
        assert!(known.remove(section), "{section}");
    }
    let table: BTreeSet<_> = KEYS.into_iter().map(|(key, _)| key.to_owned()).collect();
    assert_eq!(known, table);
}

#[test]
fn variables_win_over_the_file_and_are_named() {
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
            "mail.smtp.port: expected a whole number (from TOCSIN_MAIL_SMTP_PORT)",
        ),
        (
            "TOCSIN_INGEST_TOKENS",
            "secret",
            "ingest.tokens: expected a list",
        ),
        (
            "TOCSIN_SERVER_LISTN",
            "127.0.0.1:1",
            "TOCSIN_SERVER_LISTN is no setting",
        ),
    ] {
        let refusal = load_text("", &[(name, value)]).err().unwrap();
        assert!(refusal.contains(expected), "{refusal}");
    }
}

#[test]
fn beyond_loopback_all_is_closed_so_nothing_more_is_asked_for() {
    let open = "[server]\nlisten = \"[::]:8080\"\n";
    let settings = load_text(open, &[]).unwrap();
    assert!(!settings.is_on_loopback());
    let oidc = "[auth.oidc]\nissuer = \"https://login.example.com\"\nclient_id = \"tocsin\"\n";
    assert!(refusal(&format!("{open}{oidc}")).starts_with("server.public_url: expected"));
    let public = "public_url = \"https://tocsin.example.com\"\n";
    let settings = load_text(&format!("{open}{public}{oidc}"), &[]).unwrap();
    let provider = settings.auth.oidc.unwrap();
    assert_eq!(provider.issuer, "https://login.example.com");
    assert_eq!(provider.scopes, ["openid", "email", "profile"]);
    assert!(provider.client_secret.is_none());
}

#[test]
fn the_one_password_of_before_is_told_what_to_do_instead() {
    for key in ["admin_password", "admin_password_file"] {
        let refusal = refusal(&format!("[auth]\n{key} = \"hunter2\"\n"));
        assert!(
            refusal.starts_with(&format!("auth.{key}: there are accounts now")),
            "{refusal}"
        );
        assert!(refusal.contains("tocsin user add --role admin"));
        assert!(!refusal.contains("hunter2"), "{refusal}");
        let name = variable(&format!("auth.{key}"));
        let refusal = load_text("", &[(&name, "hunter2")]).err().unwrap();
        assert!(refusal.contains("there are accounts now"), "{refusal}");
        assert!(refusal.ends_with(&format!("(from {name})")), "{refusal}");
    }
}

#[test]
fn secrets_are_shown_nowhere() {
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
    // A broken line is not quoted, for it may be the one with the secret.
    let broken = refusal("[auth.oidc]\nclient_secret = \"hunter2\n");
    assert!(!broken.contains("hunter2"), "{broken}");
    assert!(broken.contains("line 2"), "{broken}");
    let wrong_type = refusal("[auth.oidc]\nclient_secret = [\"hunter2\"]\n");
    assert!(!wrong_type.contains("hunter2"), "{wrong_type}");
}

#[test]
fn every_variable_is_one_key() {
    let names: BTreeSet<_> = KEYS.into_iter().map(|(key, _)| variable(key)).collect();
    assert_eq!(names.len(), KEYS.len());
}
