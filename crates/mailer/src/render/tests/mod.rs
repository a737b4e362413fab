//! Rendered mails, parsed with a MIME parser.

use std::collections::BTreeMap;

use chrono::{TimeDelta, TimeZone, Utc};
use mail_parser::{HeaderValue, Message, MessageParser, MimeHeaders};

use super::*;
use crate::{Address, EventKind, NotifiedAlert, Reason};

mod content;
mod hostile;
mod overriding;
mod wire;

/// The visible parts of a mail.
struct Read {
    mail: OutgoingMail,
    text: String,
    html: String,
}

impl Read {
    fn message(&self) -> Message<'_> {
        MessageParser::default().parse(&self.mail.message).unwrap()
    }

    fn header(&self, name: &'static str) -> String {
        match self.message().header(name) {
            Some(HeaderValue::Text(text)) => text.to_string(),
            Some(HeaderValue::TextList(list)) => list.join(", "),
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The header lines as on the wire.
    fn raw_headers(&self) -> String {
        let message = String::from_utf8(self.mail.message.clone()).unwrap();
        message.split_once("\r\n\r\n").unwrap().0.to_owned()
    }
}

fn render_with(renderer: &Renderer, content: &MailContent) -> Read {
    let mail = renderer.render(content).unwrap();
    let message = MessageParser::default().parse(&mail.message).unwrap();
    let (text, html) = (
        message.body_text(0).unwrap().replace("\r\n", "\n"),
        message.body_html(0).unwrap().replace("\r\n", "\n"),
    );
    Read { mail, text, html }
}

fn render(content: &MailContent) -> Read {
    render_with(&Renderer::new(None).unwrap(), content)
}

fn alert(id: i64, event: EventKind) -> NotifiedAlert {
    let starts_at = Utc.with_ymd_and_hms(2026, 11, 22, 18, 30, 0).unwrap();
    NotifiedAlert {
        event,
        incident_id: id,
        alertname: "DiskFull".to_owned(),
        instance: format!("db-{id}:9100"),
        severity: "critical".to_owned(),
        team: "dba".to_owned(),
        message: "Disk is full".to_owned(),
        labels: BTreeMap::from([("cloud".to_owned(), "prod".to_owned())]),
        annotations: BTreeMap::new(),
        generator_url: "https://prometheus.example.com/graph?g0.expr=up".to_owned(),
        starts_at,
        ends_at: (!event.is_firing()).then(|| starts_at + TimeDelta::minutes(90)),
        occurrences: 1,
    }
}

fn content(language: Language, events: Vec<NotifiedAlert>) -> MailContent {
    MailContent {
        from: Address::new("Tocsin", "tocsin@example.com"),
        to: Address::new("李雷", "lilei@example.com"),
        language,
        time_zone: chrono_tz::Asia::Shanghai,
        message_id: "n-1@tocsin.example.com".to_owned(),
        thread_id: "t-1@tocsin.example.com".to_owned(),
        subject_stem: "[prod] DiskFull db-1:9100 #1".to_owned(),
        public_url: Some(url::Url::parse("https://ops.example.com/tocsin/").unwrap()),
        source: "alertmanager".to_owned(),
        receiver: "mail".to_owned(),
        events,
        still_firing: 0,
        still_firing_names: Vec::new(),
        truncated_alerts: 0,
        reasons: vec![Reason {
            route: Some("databases".to_owned()),
            group: "DBA".to_owned(),
        }],
        date: Utc.with_ymd_and_hms(2026, 11, 22, 20, 0, 5).unwrap(),
        resend: false,
    }
}
