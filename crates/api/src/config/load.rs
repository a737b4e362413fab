//! Merges file, environment and flags into [`Sections`], then validates them as [`Settings`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::check::Settings;
use super::keys::{KEYS, Kind, REMOVED, is_foreign, variable};
use super::{ConfigError, Sections};

/// The settings file without `--config`.
const DEFAULT_FILE: &str = "tocsin.toml";

/// Settings given as flags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    /// Path of the file, which must exist.
    pub(crate) config: Option<PathBuf>,
    /// `server.listen`.
    pub(crate) listen: Option<String>,
    /// `data_dir`.
    pub(crate) data_dir: Option<PathBuf>,
    /// `database.url`.
    pub(crate) database_url: Option<String>,
    /// Demo mode with sample data in a separate database.
    pub(crate) demo: bool,
}

/// Loads and validates all settings. `variables` is the environment.
///
/// # Errors
/// [`ConfigError`] with the key and the expected value.
pub(crate) fn load(
    flags: &Flags,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Settings, ConfigError> {
    let mut sources = Sources::default();
    if let Some(file) = file(flags)? {
        sources.add_file(&file)?;
    }
    sources.add_variables(variables)?;
    sources.add_flags(flags)?;
    let origins = sources.origins.clone();
    sources
        .read()
        .and_then(|sections| Settings::check(sections, flags.demo))
        .map_err(|mut error| {
            error.origin = error.origin.or_else(|| origin(&origins, &error.key));
            error
        })
}

fn file(flags: &Flags) -> Result<Option<PathBuf>, ConfigError> {
    let Some(named) = &flags.config else {
        let default = PathBuf::from(DEFAULT_FILE);
        return Ok(default.exists().then_some(default));
    };
    if named.is_file() {
        return Ok(Some(named.clone()));
    }
    Err(ConfigError::new(
        "",
        format!("--config: no such file: {}", named.display()),
    ))
}

/// The settings merged so far, with the origin of each value.
#[derive(Default)]
struct Sources {
    table: Table,
    /// By key; an empty key stands for the file.
    origins: BTreeMap<String, String>,
}

impl Sources {
    fn add_file(&mut self, file: &Path) -> Result<(), ConfigError> {
        let shown = file.display();
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigError::new("", format!("{shown}: {error}")))?;
        self.table = text.parse().map_err(|error: toml::de::Error| {
            // The library's message quotes the line, which may contain a secret.
            let line = error.span().map_or(1, |span| {
                1 + text[..span.start.min(text.len())].matches('\n').count()
            });
            ConfigError::new("", format!("{shown}, line {line}: {}", error.message()))
        })?;
        self.origins.insert(String::new(), shown.to_string());
        Ok(())
    }

    fn add_variables(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        for (name, text) in variables {
            if !name.starts_with("TOCSIN_") || is_foreign(&name) {
                continue;
            }
            if let Some((key, _)) = REMOVED.into_iter().find(|(key, _)| variable(key) == name) {
                self.set(key, Value::String(text), &name)?;
                continue;
            }
            let Some((key, kind)) = KEYS.into_iter().find(|(key, _)| variable(key) == name) else {
                return Err(ConfigError::new(
                    "",
                    format!("{name} is not a setting; tocsin.example.toml lists all settings"),
                ));
            };
            let value = value(kind, &text).ok_or_else(|| {
                let expected = match kind {
                    Kind::Number => "expected an integer",
                    Kind::Bool => "expected true or false",
                    Kind::Words => "expected a list in TOML or JSON, or values separated by commas",
                    _ => "expected a list in TOML or JSON, such as [{\"name\": \"prod\", \"token\": \"…\"}]",
                };
                ConfigError { origin: Some(name.clone()), ..ConfigError::new(key, expected) }
            })?;
            self.set(key, value, &name)?;
        }
        Ok(())
    }

    fn add_flags(&mut self, flags: &Flags) -> Result<(), ConfigError> {
        let data_dir = flags
            .data_dir
            .as_ref()
            .map(|dir| dir.to_string_lossy().into_owned());
        for (key, flag, text) in [
            ("server.listen", "--listen", flags.listen.clone()),
            ("data_dir", "--data-dir", data_dir),
            ("database.url", "--database-url", flags.database_url.clone()),
        ] {
            if let Some(text) = text {
                self.set(key, Value::String(text), flag)?;
            }
        }
        Ok(())
    }

    /// Sets `value` at `key`, creating sections as needed.
    fn set(&mut self, key: &str, value: Value, origin: &str) -> Result<(), ConfigError> {
        let (sections, last) = key
            .rsplit_once('.')
            .map_or(("", key), |(path, last)| (path, last));
        let mut table = &mut self.table;
        for section in sections.split('.').filter(|section| !section.is_empty()) {
            let entry = table
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()));
            table = entry.as_table_mut().ok_or_else(|| {
                ConfigError::new(section, format!("expected a section [{section}]"))
            })?;
        }
        table.insert(last.to_owned(), value);
        self.origins.insert(key.to_owned(), origin.to_owned());
        Ok(())
    }

    fn read(self) -> Result<Sections, ConfigError> {
        for (key, instead) in REMOVED {
            if let Some((section, last)) = key.split_once('.')
                && self
                    .table
                    .get(section)
                    .is_some_and(|table| table.get(last).is_some())
            {
                return Err(ConfigError::new(key, instead));
            }
        }
        serde_path_to_error::deserialize(Value::Table(self.table)).map_err(|error| {
            let path = error.path().to_string();
            let key = if path == "." { String::new() } else { path };
            // Only the first line: the rest quotes the source.
            let text = error
                .inner()
                .message()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned();
            ConfigError::new(key, text)
        })
    }
}

fn value(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Text => Some(Value::String(text.to_owned())),
        Kind::Number => text.trim().parse().ok().map(Value::Integer),
        Kind::Bool => text.trim().parse().ok().map(Value::Boolean),
        Kind::List => list(text),
        Kind::Words if text.trim_start().starts_with('[') => list(text),
        Kind::Words => {
            let words = text.split(',').map(str::trim);
            let words = words.filter(|word| !word.is_empty());
            let words = words.map(|word| Value::String(word.to_owned()));
            Some(Value::Array(words.collect()))
        }
    }
}

fn list(text: &str) -> Option<Value> {
    if let Ok(Value::Array(list)) = serde_json::from_str(text) {
        return Some(Value::Array(list));
    }
    let mut table: Table = format!("value = {text}").parse().ok()?;
    table.remove("value").filter(Value::is_array)
}

/// Origin of `key`: a variable or flag, else the file.
fn origin(origins: &BTreeMap<String, String>, key: &str) -> Option<String> {
    let own = origins.iter().find(|(set, _)| {
        !set.is_empty() && (key == set.as_str() || key.starts_with(&format!("{set}[")))
    });
    own.map(|(_, origin)| origin)
        .or_else(|| origins.get(""))
        .cloned()
}
