//! A client of the event stream, `GET /events`.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::ACCEPT;
use tocsin_api_types::ChangeEvent;

use crate::Tocsin;

/// One server-sent event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event ID, or the last one received if the event has none.
    pub id: String,
    /// The change that it carries.
    pub change: ChangeEvent,
}

/// An open stream.
#[derive(Debug)]
pub struct EventStream {
    answer: reqwest::Response,
    unread: String,
    last_id: String,
}

impl Tocsin {
    /// Opens the event stream, after the event with this ID if one is given. Returns
    /// when the stream has started.
    ///
    /// # Panics
    /// If the stream does not start.
    pub async fn open_stream(&self, last_event_id: Option<&str>) -> EventStream {
        let admin = format!("Bearer {}", self.admin());
        self.open_stream_as(("authorization", &admin), last_event_id)
            .await
    }

    /// Same as [`Tocsin::open_stream`], authenticated by this header.
    ///
    /// # Panics
    /// If the stream does not start.
    pub async fn open_stream_as(
        &self,
        (name, value): (&str, &str),
        last_event_id: Option<&str>,
    ) -> EventStream {
        let mut request = self.http.request(Method::GET, self.url("/api/v1/events"));
        request = request.header(ACCEPT, "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        request = request.header(name, value);
        let answer = request.send().await.expect("the event stream");
        assert_eq!(answer.status(), 200);
        let content_type = answer.headers()["content-type"]
            .to_str()
            .expect("a content type");
        assert!(
            content_type.starts_with("text/event-stream"),
            "{content_type}"
        );
        let last_id = last_event_id.unwrap_or_default().to_owned();
        EventStream {
            answer,
            unread: String::new(),
            last_id,
        }
    }
}

impl EventStream {
    /// The next event.
    ///
    /// # Panics
    /// If the stream ends, is silent for 30 seconds or sends an invalid event.
    pub async fn next(&mut self) -> Event {
        self.try_next()
            .await
            .expect("an event before the stream's end")
    }

    /// The next event; `None` at the end of the stream.
    ///
    /// # Panics
    /// If the stream is silent for 30 seconds or sends an invalid event.
    pub async fn try_next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                if let Some(event) = self.read(&block) {
                    return Some(event);
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(30), self.answer.chunk()).await;
            let chunk = chunk.expect("an event or a heartbeat").ok()??;
            self.unread
                .push_str(std::str::from_utf8(&chunk).expect("UTF-8, whole events"));
        }
    }

    /// Events up to and including the first for which `is_last` holds.
    pub async fn until(&mut self, mut is_last: impl FnMut(&ChangeEvent) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await;
            let done = is_last(&event.change);
            events.push(event);
            if done {
                return events;
            }
        }
    }

    fn read(&mut self, block: &str) -> Option<Event> {
        let field = |name: &str| {
            let mut lines = block.lines().filter_map(|line| line.split_once(": "));
            lines
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
        };
        if let Some(id) = field("id") {
            self.last_id = id;
        }
        let data = field("data")?;
        let change: ChangeEvent = serde_json::from_str(&data).expect("a ChangeEvent");
        let kind = serde_json::to_value(&change).expect("JSON")["type"].clone();
        assert_eq!(field("event").as_deref(), kind.as_str(), "{block}");
        Some(Event {
            id: self.last_id.clone(),
            change,
        })
    }
}
