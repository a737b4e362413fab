//! Headers, IDs and encoding.

use super::*;

#[test]
fn headers_are_complete() {
    let read = render(&content(
        Language::En,
        vec![alert(7, EventKind::Opened), alert(3, EventKind::Resolved)],
    ));
    let message = read.message();
    assert_eq!(message.message_id(), Some("n-1@tocsin.example.com"));
    assert_eq!(read.header("In-Reply-To"), "t-1@tocsin.example.com");
    assert_eq!(read.header("References"), "t-1@tocsin.example.com");
    assert_eq!(read.header("Auto-Submitted"), "auto-generated");
    assert_eq!(read.header("X-Tocsin-Incident"), "3, 7");
    assert_eq!(message.subject(), Some("[prod] DiskFull db-1:9100 #1"));
    assert_eq!(message.date().unwrap().to_rfc3339(), "2026-11-22T20:00:05Z");
    let to = message.to().unwrap().first().unwrap();
    assert_eq!(to.name(), Some("李雷"));
    assert_eq!(to.address(), Some("lilei@example.com"));
    let from = message.from().unwrap().first().unwrap();
    assert_eq!(from.name(), Some("Tocsin"));
    let kind = message.content_type().unwrap();
    assert_eq!(
        (kind.ctype(), kind.subtype()),
        ("multipart", Some("alternative"))
    );
    assert_eq!(message.text_body_count(), 1);
    assert_eq!(message.html_body_count(), 1);
    let parts: Vec<_> = message
        .parts
        .iter()
        .skip(1)
        .map(|part| part.is_text_html())
        .collect();
    assert_eq!(parts, [false, true], "text comes first");
    assert_eq!(read.mail.from, "tocsin@example.com");
    assert_eq!(read.mail.to, "lilei@example.com");
    assert_eq!(read.mail.subject, "[prod] DiskFull db-1:9100 #1");
}

#[test]
fn the_message_is_ascii_with_short_lines() {
    for language in Language::ALL {
        let read = render(&sample::content(language));
        assert!(read.mail.message.is_ascii());
        let message = String::from_utf8(read.mail.message.clone()).unwrap();
        for line in message.split("\r\n") {
            assert!(line.len() <= 998, "{line}");
            assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        }
        for line in read.raw_headers().lines() {
            assert!(line.len() <= 78, "{line}");
        }
        let again = Renderer::new(None)
            .unwrap()
            .render(&sample::content(language))
            .unwrap();
        assert_eq!(again, read.mail, "the same content gives the same bytes");
    }
}

#[test]
fn an_encoded_word_in_a_subject_stays_text() {
    let mut content = content(Language::En, vec![alert(1, EventKind::Opened)]);
    for subject in [
        "=?utf-8?B?8J+UpQ==?= DiskFull",
        "磁盘空间不足 — 请处理 🔥 DiskFull db-1:9100 and a very long tail that needs more than one line",
        "plain but so long that it has to be broken into several lines of the header to be sent at all",
        "\"quotes\" and \\ backslashes <and> (parentheses)",
    ] {
        content.subject_stem = subject.to_owned();
        let read = render(&content);
        assert_eq!(read.message().subject(), Some(subject));
        assert!(read.raw_headers().lines().all(|line| line.len() <= 78));
    }
}

#[test]
fn stems_are_stable_and_distinguish_threads() {
    let one = alert(7, EventKind::Opened);
    assert_eq!(
        subject_stem(std::slice::from_ref(&one)),
        "[prod] DiskFull db-7:9100 #7"
    );
    let mut two = alert(8, EventKind::Opened);
    assert_eq!(
        subject_stem(&[one.clone(), two.clone()]),
        "[prod] DiskFull #7"
    );
    two.alertname = "HostDown".to_owned();
    two.labels.clear();
    let mut three = two.clone();
    three.alertname = "LinkDown".to_owned();
    assert_eq!(
        subject_stem(&[two.clone(), one.clone(), three]),
        "DiskFull, HostDown +1 #7"
    );
    two.alertname = "x\r\n".repeat(500);
    two.instance = "y".repeat(500);
    let stem = subject_stem(&[two]);
    assert!(
        stem.chars().count() <= 120 && stem.ends_with(" #8"),
        "{stem}"
    );
    assert_eq!(subject_stem(&[]), "");
}

#[test]
fn invalid_sender_and_recipient_are_distinguished() {
    let renderer = Renderer::new(None).unwrap();
    let mut content = content(Language::En, vec![alert(1, EventKind::Opened)]);
    content.to.email = "invalid".to_owned();
    assert!(matches!(
        renderer.render(&content),
        Err(RenderError::Recipient(_))
    ));
    content.from.email = "invalid".to_owned();
    assert!(matches!(
        renderer.render(&content),
        Err(RenderError::Sender(_))
    ));
}
