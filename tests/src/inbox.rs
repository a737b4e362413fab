//! E-mails as their recipients receive them.

use std::path::{Path, PathBuf};

use mail_parser::{HeaderValue, MessageParser};
use serde_json::Value;

use crate::{SmtpServer, eventually};

/// A parsed e-mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The envelope's recipient.
    pub to: String,
    /// Properties of the SMTP session: `tls`, `user`.
    pub envelope: Value,
    /// The subject, decoded.
    pub subject: String,
    /// The Message-ID, without brackets.
    pub message_id: String,
    /// The Message-IDs of its thread.
    pub references: Vec<String>,
    /// The plain-text part, decoded.
    pub text: String,
    /// The HTML part, decoded.
    pub html: String,
    /// The raw message.
    pub raw: String,
}

impl Mail {
    /// Parses a message.
    ///
    /// # Panics
    /// If it is not a MIME message.
    #[must_use]
    pub fn parse(raw: &[u8], envelope: Value) -> Self {
        let message = MessageParser::default().parse(raw).expect("a MIME message");
        let references = match message.references() {
            HeaderValue::Text(id) => vec![id.to_string()],
            HeaderValue::TextList(ids) => ids.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        let part =
            |content: Option<std::borrow::Cow<'_, str>>| content.unwrap_or_default().into_owned();
        Self {
            to: envelope["rcpt_to"][0]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            envelope,
            subject: message.subject().unwrap_or_default().to_owned(),
            message_id: message.message_id().unwrap_or_default().to_owned(),
            references,
            text: part(message.body_text(0)),
            html: part(message.body_html(0)),
            raw: String::from_utf8_lossy(raw).into_owned(),
        }
    }

    /// A header's raw value, unfolded; empty if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        let head = self.raw.split("\r\n\r\n").next().unwrap_or_default();
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let line = unfolded.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        });
        line.unwrap_or_default()
    }

    /// The e-mails that the program wrote to files, oldest first.
    ///
    /// # Panics
    /// If they cannot be read.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Vec<(PathBuf, Self)> {
        let mut paths = files(folder, "eml");
        paths.sort();
        let read = |path: PathBuf| {
            let raw = std::fs::read(&path).expect("an e-mail");
            let mail = Self::parse(&raw, Value::Null);
            (path, mail)
        };
        paths.into_iter().map(read).collect()
    }
}

impl SmtpServer {
    /// The accepted e-mails, in order.
    ///
    /// # Panics
    /// If they cannot be read.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        let mut paths = files(self.folder(), "json");
        paths.sort();
        let read = |path: PathBuf| {
            let envelope = std::fs::read(&path).expect("an envelope");
            let raw = std::fs::read(path.with_extension("eml")).expect("an e-mail");
            Mail::parse(
                &raw,
                serde_json::from_slice(&envelope).expect("an envelope"),
            )
        };
        paths.into_iter().map(read).collect()
    }

    /// Waits until it has accepted `count` e-mails, and returns them.
    ///
    /// # Panics
    /// If fewer or more arrive.
    pub async fn wait_for(&self, count: usize) -> Vec<Mail> {
        let mails = eventually(&format!("{count} e-mails"), || async {
            Some(self.mails()).filter(|mails| mails.len() >= count)
        })
        .await;
        assert_eq!(mails.len(), count, "{mails:#?}");
        mails
    }
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.expect("a file").path());
    paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}
