//! Validation of single sections, in the order of the file.

use std::fs;
use std::path::Path;

use tocsin_mailer::{Address, Secret, SmtpSettings};

use super::sections::{DEFAULT_FROM, Log, SmtpSection};
use super::units::BindAddress;
use super::{ConfigError, IngestToken, SourceName};

pub(super) fn positive(key: &str, number: usize) -> Result<(), ConfigError> {
    if number > 0 {
        Ok(())
    } else {
        Err(ConfigError::new(key, "expected more than 0"))
    }
}

pub(super) fn within(key: &str, number: usize, most: usize) -> Result<(), ConfigError> {
    if (1..=most).contains(&number) {
        Ok(())
    } else {
        Err(ConfigError::new(key, format!("expected 1 to {most}")))
    }
}

pub(super) fn check_log(log: &Log) -> Result<(), ConfigError> {
    tracing_subscriber::EnvFilter::try_new(&log.level).map(drop).map_err(|_| {
        ConfigError::new(
            "log.level",
            format!("expected error, warn, info, debug or trace, or a filter such as \"info,tocsin=debug\", found {:?}", log.level),
        )
    })
}

/// Reads a secret from its key or from the file that `KEY_file` names.
pub(super) fn secret(
    key: &str,
    value: Option<Secret>,
    file: Option<&Path>,
) -> Result<Option<Secret>, ConfigError> {
    let secret = match (value, file) {
        (Some(_), Some(_)) => {
            return Err(ConfigError::new(
                key,
                format!("set either this or {key}_file, not both"),
            ));
        }
        (Some(secret), None) => secret,
        (None, Some(path)) => {
            let text = fs::read_to_string(path).map_err(|error| {
                ConfigError::new(
                    format!("{key}_file"),
                    format!("{}: {error}", path.display()),
                )
            })?;
            Secret::new(text.trim_end_matches(['\r', '\n']))
        }
        (None, None) => return Ok(None),
    };
    if secret.reveal().trim().is_empty() {
        return Err(ConfigError::new(key, "expected a non-empty secret"));
    }
    Ok(Some(secret))
}

/// Tokens by secret, each with its name.
#[derive(Default)]
pub(super) struct CheckedTokens(pub(super) Vec<(String, Secret)>);

impl CheckedTokens {
    /// Adds the tokens of `list`.
    pub(super) fn add(
        &mut self,
        list: &str,
        name: String,
        token: Option<Secret>,
        token_file: Option<&Path>,
    ) -> Result<(), ConfigError> {
        let key = format!("{list}[{}]", self.0.len());
        let token = secret(&format!("{key}.token"), token, token_file)?.ok_or_else(|| {
            ConfigError::new(&key, format!("{name:?} requires token or token_file"))
        })?;
        if self.0.iter().any(|(other, _)| *other == name) {
            return Err(ConfigError::new(
                format!("{key}.name"),
                format!("duplicate name {name:?}"),
            ));
        }
        if self.0.iter().any(|(_, other)| *other == token) {
            return Err(ConfigError::new(
                format!("{key}.token"),
                "another token has the same secret; secrets must be unique",
            ));
        }
        self.0.push((name, token));
        Ok(())
    }
}

pub(super) fn tokens(
    tokens: Vec<IngestToken>,
) -> Result<Vec<(String, Secret, Option<SourceName>)>, ConfigError> {
    let mut checked = CheckedTokens::default();
    let mut sources = Vec::new();
    for token in tokens {
        let IngestToken {
            name,
            token,
            token_file,
            source,
        } = token;
        checked.add("ingest.tokens", name, token, token_file.as_deref())?;
        sources.push(source);
    }
    let tokens = checked.0.into_iter().zip(sources);
    Ok(tokens
        .map(|((name, token), source)| (name, token, source))
        .collect())
}

/// The demo prints its administrator's password, so it is for this machine only.
pub(super) fn guard(listen: std::net::SocketAddr, demo: bool) -> Result<(), ConfigError> {
    if !demo || BindAddress(listen).is_loopback() {
        return Ok(());
    }
    Err(ConfigError::new(
        "server.listen",
        "--demo requires a loopback address such as 127.0.0.1:8080",
    ))
}

/// Parses `Name <local@domain>` or `local@domain`.
pub(super) fn from(text: &str, smtp: bool) -> Result<Address, ConfigError> {
    if smtp && text == DEFAULT_FROM {
        return Err(ConfigError::new(
            "mail.from",
            "required if mail.smtp is set: the sender's address such as \"Tocsin <tocsin@example.com>\"",
        ));
    }
    let (name, email) = match text
        .trim()
        .strip_suffix('>')
        .and_then(|rest| rest.rsplit_once('<'))
    {
        Some((name, email)) => (name.trim().trim_matches('"'), email),
        None => ("", text.trim()),
    };
    let address = Address::new(name, email);
    match address.check() {
        Ok(()) => Ok(address),
        Err(error) => Err(ConfigError::new(
            "mail.from",
            format!(
                "expected an e-mail address such as \"Tocsin <tocsin@example.com>\", found {text:?}: {error}"
            ),
        )),
    }
}

pub(super) fn smtp(section: SmtpSection) -> Result<SmtpSettings, ConfigError> {
    let SmtpSection {
        host,
        port,
        tls,
        username,
        password,
        password_file,
        timeout,
        ca_file,
        hello_name,
    } = section;
    if host.trim().is_empty() {
        return Err(ConfigError::new(
            "mail.smtp.host",
            "expected the host name of the SMTP server",
        ));
    }
    let password = secret("mail.smtp.password", password, password_file.as_deref())?;
    if username.is_some() != password.is_some() {
        let missing = if username.is_some() {
            "mail.smtp.password"
        } else {
            "mail.smtp.username"
        };
        return Err(ConfigError::new(
            missing,
            "user name and password are required together",
        ));
    }
    Ok(SmtpSettings {
        host,
        port,
        tls,
        username,
        password,
        timeout: timeout.0,
        ca_file,
        hello_name,
    })
}

pub(super) fn database_url(
    url: Option<String>,
    data_dir: &Path,
    demo: bool,
) -> Result<String, ConfigError> {
    if demo {
        if url.is_some() {
            return Err(ConfigError::new(
                "database.url",
                "--demo uses a separate database; remove this setting",
            ));
        }
        return Ok(format!(
            "sqlite://{}",
            data_dir.join("demo.sqlite").display()
        ));
    }
    let Some(url) = url else {
        return Ok(format!(
            "sqlite://{}",
            data_dir.join("tocsin.sqlite").display()
        ));
    };
    if ["sqlite:", "postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Ok(url);
    }
    Err(ConfigError::new(
        "database.url",
        "expected sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE",
    ))
}

/// A database URL for display.
pub(super) fn without_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed)
            if parsed
                .query()
                .is_some_and(|query| query.contains("password")) =>
        {
            parsed.set_query(Some("[redacted]"));
            without_password(parsed.as_str())
        }
        Ok(mut parsed) if parsed.password().is_some() => {
            // Fails only for URLs that cannot contain a password.
            let _ = parsed.set_password(Some("redacted"));
            parsed.into()
        }
        Ok(_) => url.to_owned(),
        Err(_) if url.contains('@') => "[redacted]".to_owned(),
        Err(_) => url.to_owned(),
    }
}
