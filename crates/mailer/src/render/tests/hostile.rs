//! Alerts with malicious content.

use super::*;

#[test]
fn html_and_links_from_alerts_are_harmless() {
    let evil = "<script>alert('x')</script>\"><img src=x onerror=y> & co";
    let mut one = alert(1, EventKind::Opened);
    for text in [
        &mut one.alertname,
        &mut one.instance,
        &mut one.severity,
        &mut one.team,
        &mut one.message,
    ] {
        *text = evil.to_owned();
    }
    one.labels = BTreeMap::from([
        (evil.to_owned(), evil.to_owned()),
        ("cloud".to_owned(), evil.to_owned()),
    ]);
    one.annotations = BTreeMap::from([
        ("description".to_owned(), evil.to_owned() + "!"),
        ("runbook_url".to_owned(), "javascript:alert(1)".to_owned()),
    ]);
    one.generator_url = "data:text/html,<script>alert(1)</script>".to_owned();
    let mut content = content(Language::En, vec![one]);
    content.source = evil.to_owned();
    content.receiver = evil.to_owned();
    content.still_firing = 1;
    content.still_firing_names = vec![evil.to_owned()];
    content.reasons = vec![Reason {
        route: Some(evil.to_owned()),
        group: evil.to_owned(),
    }];
    let read = render(&content);
    assert!(!read.html.contains("<script"), "{}", read.html);
    assert!(!read.html.contains("<img"), "{}", read.html);
    assert!(read.html.contains("&lt;script&gt;"));
    assert!(
        !read.html.contains("&amp;lt;"),
        "escaped once only: {}",
        read.html
    );
    assert!(!read.html.contains("javascript:"), "{}", read.html);
    assert!(!read.html.contains("href=\"data:"), "{}", read.html);
    assert!(!read.text.contains("javascript:"));
    assert!(read.text.contains("& co"), "plain text is not escaped");
}

#[test]
fn line_breaks_and_invisible_characters_reach_no_header() {
    let evil = "x\r\nBcc: victim@example.com\r\n\r\nbody\0\u{202E}\u{1b}[0m";
    let mut one = alert(1, EventKind::Opened);
    one.alertname = evil.to_owned();
    let mut content = content(Language::En, vec![one]);
    content.subject_stem = evil.to_owned();
    content.to.name = evil.to_owned();
    content.from.name = format!("{evil} =?utf-8?Q?hidden?= \"quoted\\\"");
    let read = render(&content);
    assert!(read.message().header("Bcc").is_none());
    assert_eq!(read.mail.subject, "x Bcc: victim@example.com body[0m");
    assert_eq!(read.message().subject(), Some(read.mail.subject.as_str()));
    let message = read.message();
    let from = message.from().unwrap().first().unwrap();
    assert_eq!(
        from.name(),
        Some("x Bcc: victim@example.com body[0m =?utf-8?Q?hidden?= \"quoted\\\"")
    );
    assert_eq!(from.address(), Some("tocsin@example.com"));
    for part in [&read.text, &read.html] {
        assert!(!part.contains(['\0', '\u{202E}', '\u{1b}']), "{part:?}");
    }
}
